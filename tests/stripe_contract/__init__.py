"""Holds the sandbox's answers, and what `billing` asks, against Stripe's own published description of its API.

What a key holds is read from the annotations of the Python SDK, at run time; nothing here knows an object by name. They
cannot say which keys are always there: `Optional` covers null and absent. That is in `presence.json`, which
`make presence` reads from the types of the Node SDK at the same API version.
"""
