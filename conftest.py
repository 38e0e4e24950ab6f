"""For tests/ and playwright/ alike: what the sandbox answers and what billing asks is held against Stripe's SDK."""

import pytest
from django.conf import settings

if not settings.SANDBOX:
    pytest.exit("The tests run on the sandbox, and STRIPE_SECRET_KEY is set: `make test` leaves it out.", returncode=4)

pytest_plugins = ["stripe_contract.plugin"]
