"""Holds the sandbox's answers, and what `billing` asks, against the type annotations of Stripe's own SDK.

The annotations are Stripe's published description of API version 2026-10-28.endive; nothing here knows an object by
name. They cannot say that a nullable key is always present: `Optional` covers both. That needs a table from elsewhere.
"""
