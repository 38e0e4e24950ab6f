"""The inbox: what is taken in, what is refused, and what an event does."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from unittest.mock import patch

import pytest
from django.conf import settings
from django.db import DatabaseError
from django.test import Client, override_settings
from django.utils import timezone

from billing.models import Customer, Event, EventState
from billing.webhooks import sweep

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

URL = "/billing/webhooks/stripe/"


def signed(payload: bytes, secret: str | None = None, at: float | None = None) -> str:
    stamp = int(time.time() if at is None else at)
    key = (secret or settings.BILLING["WEBHOOK_SECRETS"][0]).encode()
    return f"t={stamp},v1={hmac.new(key, f'{stamp}.'.encode() + payload, hashlib.sha256).hexdigest()}"


def event(**changes) -> bytes:
    body = {
        "id": "evt_1",
        "object": "event",
        "type": "customer.updated",
        "livemode": False,
        "created": 1,
        "data": {"object": {"id": "cus_nobodys", "object": "customer"}},
    }
    return json.dumps({**body, **changes}).encode()


def post(payload: bytes, header: str | None = None, **extra):
    headers = {"Stripe-Signature": signed(payload) if header is None else header}
    return Client(enforce_csrf_checks=True).post(
        URL, payload, content_type="application/json", headers=headers, **extra
    )


def test_it_stores_the_raw_bytes_of_a_signed_event_and_answers_200():
    payload = event()
    assert post(payload).status_code == 200
    assert bytes(Event.objects.get().raw) == payload


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        "t=1,v1=abc",
        "t=NOW,v1=abc",
        "t=NOW",
        "v1=abc",
        "t=,v1=",
        "t=" + 400 * "9" + ",v1=abc",
        "t=NOW,v1=\xe9\xe9",
        "t=1" + 15_000 * ",v1=abc",
        "t=NOW,t=NOW,v1=abc",
    ],
    ids=lambda header: repr(header[:20]),
)
def test_it_refuses_what_stripe_did_not_sign_and_stores_nothing(header):
    assert post(event(), header.replace("NOW", str(int(time.time())))).status_code == 400
    assert not Event.objects.exists()


def test_it_refuses_a_request_without_a_signature_header():
    assert Client().post(URL, event(), content_type="application/json").status_code == 400


@pytest.mark.parametrize("offset", [-301, 301, -86_400, 10 * 365 * 86_400])
def test_it_refuses_a_signature_that_is_too_old_or_of_the_future(offset):
    payload = event()
    assert post(payload, signed(payload, at=time.time() + offset)).status_code == 400


def test_it_refuses_a_body_changed_after_signing():
    assert post(event(id="evt_forged"), signed(event())).status_code == 400


def test_it_takes_either_secret_while_one_is_being_rolled():
    billing = {**settings.BILLING, "WEBHOOK_SECRETS": ("whsec_old_one", "whsec_new_one")}
    with override_settings(BILLING=billing):
        for number, secret in enumerate(["whsec_old_one", "whsec_new_one"]):
            payload = event(id=f"evt_{number}")
            assert post(payload, signed(payload, secret)).status_code == 200
        payload = event(id="evt_both")
        old, new = signed(payload, "whsec_gone"), signed(payload, "whsec_new_one")
        assert post(payload, f"{old},{new.split(',')[1]}").status_code == 200
    assert Event.objects.count() == 3


def test_the_same_event_again_is_answered_200_and_kept_once():
    for _ in range(10):
        assert post(event()).status_code == 200
    assert Event.objects.count() == 1


def test_it_refuses_a_body_larger_than_any_event_before_reading_it():
    assert post(b"{}", CONTENT_LENGTH=2 * 1024 * 1024).status_code == 413


def test_it_refuses_other_methods():
    assert Client().get(URL).status_code == 405


def test_it_asks_stripe_to_send_again_when_the_database_is_away():
    with patch("billing.webhooks.Event.objects.bulk_create", side_effect=DatabaseError):
        assert post(event()).status_code == 503


@pytest.mark.parametrize("type_", ["x.y.z", "customer.updated", "charge.succeeded", "invoice.upcoming"])
def test_unknown_types_and_unknown_customers_are_stored_and_left_alone(type_):
    assert post(event(type=type_)).status_code == 200
    assert Event.objects.get().state == EventState.IGNORED
    assert not Customer.objects.exists()


@pytest.mark.parametrize("change", [{"livemode": True}, {"account": "acct_other"}])
def test_events_of_another_mode_or_account_are_quarantined(change):
    assert post(event(**change)).status_code == 200
    assert Event.objects.get().state == EventState.QUARANTINED


@pytest.mark.parametrize("payload", [b"[]", b"null", b'"x"', b"{", b"1e999", b"[" * 10_000, b'{"id": 1}'])
def test_a_signed_body_that_is_no_event_is_quarantined_not_an_error(payload):
    assert post(payload).status_code == 200
    assert Event.objects.get().state == EventState.QUARANTINED
    assert post(payload).status_code == 200
    assert Event.objects.count() == 1


def test_an_event_with_nul_and_lone_surrogates_is_stored():
    payload = event(id=b"evt_\\u0000\\ud800".decode("unicode_escape"))
    assert post(payload).status_code == 200
    assert bytes(Event.objects.get().raw) == payload


def test_a_thin_event_is_taken():
    thin = {
        "id": "evt_thin",
        "object": "v2.core.event",
        "type": "v1.customer.updated",
        "livemode": False,
        "created": "2026-11-20T00:00:00Z",
        "related_object": {"id": "cus_nobodys", "type": "customer", "url": "/v1/customers/cus_nobodys"},
    }
    assert post(json.dumps(thin).encode()).status_code == 200
    assert Event.objects.get().object_id == "cus_nobodys"


def test_a_failure_while_acting_is_kept_on_the_row_and_tried_again_by_the_sweep():
    with patch("billing.sync.reread", side_effect=RuntimeError("stripe is odd today")):
        assert post(event()).status_code == 200
    kept = Event.objects.get()
    assert (kept.state, kept.attempts) == (EventState.FAILED, 1)
    assert "stripe is odd today" in kept.error
    assert sweep()["events"] == 0, "not before its time"
    Event.objects.update(next_attempt_at=timezone.now())
    assert sweep()["events"] == 1
    assert Event.objects.get().state == EventState.IGNORED


def test_an_event_that_always_fails_is_given_up_after_eight_attempts():
    with patch("billing.sync.reread", side_effect=RuntimeError("no")):
        post(event())
        for _ in range(10):
            Event.objects.update(next_attempt_at=timezone.now())
            sweep()
    kept = Event.objects.get()
    assert (kept.state, kept.attempts) == (EventState.DEAD, 8)
