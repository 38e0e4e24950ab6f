"""Links to hosted pages: a token names an account and an object, and nobody makes one up or guesses another's."""

from __future__ import annotations

from django.core.signing import BadSignature, Signer

from sandbox import clock, store
from sandbox.kernel import Call, Object, origin
from sandbox.models import Account

_signer = Signer(salt="sandbox.links")


def token(call: Call, obj: Object) -> str:
    """Return what stands for an object in the address of its page; it is the same every time."""
    signed: str = _signer.sign_object([call.account.pk, obj["object"], obj["id"]])
    return signed


def url(call: Call, page: str, obj: Object) -> str:
    """Return the absolute address of an object's page: `…/sandbox/invoice/<token>/` for "invoice"."""
    return f"{origin(call)}/sandbox/{page}/{token(call, obj)}/"


def follow(token: str, kind: str) -> tuple[Call, Object]:
    """Return the object of `kind` that a token names, and a call to its account as of now.

    Raises LookupError where the token is none of ours, names something else, or the object is gone.
    """
    try:
        account, named, id = _signer.unsign_object(token)
        call = _call(Account.objects.get(pk=account))
    except (BadSignature, ValueError, Account.DoesNotExist):
        raise LookupError("nothing is behind this link") from None
    found = store.find(call, kind, id) if named == kind else None
    if found is None or found.get("deleted"):
        raise LookupError(f"no {kind} is behind this link")
    return call, found


def by_id(id: str, kind: str) -> tuple[Call, Object]:
    """Return the object of `kind` with this id, where the id itself is what nobody guesses: a Checkout session's.

    Raises LookupError where no account has one.
    """
    account = Account.objects.filter(row__kind=kind, row__stripe_id=id).first()
    if account is None:
        raise LookupError(f"no {kind} has this id")
    call = _call(account)
    return call, store.get(call, kind, id)


def _call(account: Account) -> Call:
    now = clock.now(account)
    clock.catch_up(account, now)
    return Call(account, now)
