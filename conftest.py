"""For tests/ and playwright/ alike: what the sandbox answers and what billing asks is held against Stripe's SDK."""

pytest_plugins = ["stripe_contract.plugin"]
