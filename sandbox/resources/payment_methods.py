"""Payment methods."""

from __future__ import annotations

from sandbox.kernel import Call, Object


def attach_to(call: Call, payment_method: str, customer: Object) -> Object:
    raise NotImplementedError
