"""The site starts with keys that fit together, and otherwise says in one sentence why not."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.views import LoginView
from django.test import Client

ROOT = Path(__file__).resolve().parent.parent
SECRET = "sk_test_51TheSecretOfATestAccount"
PUBLISHABLE = "pk_test_51ThePublicHalfOfIt"
TEST_KEYS = {
    "STRIPE_SECRET_KEY": SECRET,
    "STRIPE_PUBLISHABLE_KEY": PUBLISHABLE,
    "STRIPE_WEBHOOK_SECRET": "whsec_ofTheEndpoint",
    "SECRET_KEY": "only-for-the-test-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGH",
    "ALLOWED_HOSTS": "billing.example.com",
}
LIVE_KEYS = {name: value.replace("_test_", "_live_") for name, value in TEST_KEYS.items()}
NO_KEYS = {"STRIPE_SECRET_KEY": "", "STRIPE_PUBLISHABLE_KEY": "", "STRIPE_WEBHOOK_SECRET": ""}
# Asks a site for pages the way a browser behind its TLS proxy would; static files were not collected for it.
ASK = """
import json, django
from django.conf import settings
settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
django.setup()
from django.test import Client
client = Client(raise_request_exception=False, headers={"host": settings.ALLOWED_HOSTS[0]})
answers = {path: client.get(path, secure=True) for path in %r}
print(json.dumps({
    "sandbox": "sandbox" in settings.INSTALLED_APPS,
    "aliases": sorted(settings.DATABASES),
    "secrets": list(settings.BILLING["WEBHOOK_SECRETS"]),
    "statuses": {path: answer.status_code for path, answer in answers.items()},
    "headers": {path: dict(answer.headers) for path, answer in answers.items()},
}))
"""


class Start:
    """Starts Python on the site's settings in an environment that holds nothing but what a test puts there."""

    def __init__(self, folder: Path) -> None:
        self._environment = {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": f"{ROOT}:{ROOT / 'site'}",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATABASE_URL": f"sqlite:///{folder}/billing.sqlite3",
            "STRIPE_SANDBOX_DATABASE_URL": f"sqlite:///{folder}/sandbox.sqlite3",
            **NO_KEYS,  # set, though empty: a developer's .env must not reach in
            **dict.fromkeys(("STRIPE_SANDBOX", "DEBUG", "SECRET_KEY"), ""),
        }

    def python(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603  our own interpreter
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**self._environment, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def check(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `manage.py check`: it loads everything that serving loads."""
        return self.python("manage.py", "check", **environment)

    def ask(self, *paths: str, **environment: str) -> dict:
        """Return what the site answers to GETs, and what it is made of."""
        done = self.python("-c", ASK % (paths,), **environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def start(tmp_path: Path) -> Start:
    return Start(tmp_path)


def test_it_starts_on_the_sandbox_without_any_key(start: Start) -> None:
    assert start.check().returncode == 0


@pytest.mark.parametrize("keys", [TEST_KEYS, LIVE_KEYS, {**TEST_KEYS, "STRIPE_SECRET_KEY": "rk_test_51ARestrictedKey"}])
def test_it_starts_on_stripe_with_keys_of_one_mode(start: Start, keys: dict[str, str]) -> None:
    assert start.check(**keys).returncode == 0


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({**LIVE_KEYS, "STRIPE_SANDBOX": "1"}, "a live Stripe key and the sandbox cannot run together"),
        (
            {**NO_KEYS, "STRIPE_PUBLISHABLE_KEY": "pk_live_51ThePublicHalf", "STRIPE_SANDBOX": "1"},
            "a live Stripe key and the sandbox cannot run together",
        ),
        (
            {**TEST_KEYS, "STRIPE_SECRET_KEY": "sk_test_sandbox", "STRIPE_PUBLISHABLE_KEY": "pk_live_51ThePublicHalf"},
            "a live Stripe key and the sandbox cannot run together",
        ),
        ({**TEST_KEYS, "STRIPE_WEBHOOK_SECRET": ""}, "STRIPE_WEBHOOK_SECRET is empty"),
        ({**TEST_KEYS, "STRIPE_WEBHOOK_SECRET": "  , "}, "STRIPE_WEBHOOK_SECRET is empty"),
        ({**TEST_KEYS, "STRIPE_WEBHOOK_SECRET": "whsec_ofTheEndpoint,we_1"}, "STRIPE_WEBHOOK_SECRET is not a webhook"),
        ({**TEST_KEYS, "STRIPE_SECRET_KEY": PUBLISHABLE}, "STRIPE_SECRET_KEY is not a Stripe secret key"),
        ({**TEST_KEYS, "STRIPE_SECRET_KEY": "changeme"}, "STRIPE_SECRET_KEY is not a Stripe secret key"),
        ({**TEST_KEYS, "STRIPE_SECRET_KEY": ""}, "STRIPE_SECRET_KEY is not a Stripe secret key"),
        ({**TEST_KEYS, "STRIPE_PUBLISHABLE_KEY": SECRET}, "STRIPE_PUBLISHABLE_KEY is not a Stripe publishable key"),
        ({**TEST_KEYS, "STRIPE_PUBLISHABLE_KEY": ""}, "STRIPE_PUBLISHABLE_KEY is not a Stripe publishable key"),
        ({**TEST_KEYS, "STRIPE_SECRET_KEY": LIVE_KEYS["STRIPE_SECRET_KEY"]}, "are of different modes"),
        ({**TEST_KEYS, "SECRET_KEY": ""}, "SECRET_KEY is not set"),
        ({**LIVE_KEYS, "DEBUG": "1"}, "DEBUG is on with a live Stripe key"),
    ],
)
def test_it_says_in_one_sentence_why_it_does_not_start(start: Start, keys: dict[str, str], sentence: str) -> None:
    refused = start.check(**keys)
    assert refused.returncode == 1
    assert refused.stderr.startswith("Not started: ")
    assert sentence in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert not any(key in refused.stderr for key in (SECRET, LIVE_KEYS["STRIPE_SECRET_KEY"]))


def test_several_webhook_secrets_are_accepted_while_one_is_rolled(start: Start) -> None:
    site = start.ask(**{**TEST_KEYS, "STRIPE_WEBHOOK_SECRET": "whsec_theNewOne, whsec_theOldOne"})
    assert site["secrets"] == ["whsec_theNewOne", "whsec_theOldOne"]


@pytest.mark.parametrize("keys", [TEST_KEYS, LIVE_KEYS])
def test_with_real_keys_there_is_no_sandbox_at_all(start: Start, keys: dict[str, str]) -> None:
    site = start.ask("/sandbox/", "/sandbox/v1/customers", "/sandbox/stripe.js", **keys)
    assert not site["sandbox"]
    assert site["aliases"] == ["default"]
    assert set(site["statuses"].values()) == {404}


def test_a_site_on_stripe_is_served_over_https_only(start: Start) -> None:
    headers = start.ask("/healthz", **LIVE_KEYS)["headers"]["/healthz"]
    assert headers["Strict-Transport-Security"].startswith("max-age=31536000")


@pytest.mark.parametrize("switch", ["DEBUG", "LOOPBACK"])
def test_a_developer_with_test_keys_is_served_over_http(start: Start, switch: str) -> None:
    keys = {name: key for name, key in TEST_KEYS.items() if name.startswith("STRIPE_")}
    site = start.ask("/healthz", **keys, **{switch: "1", "ALLOWED_HOSTS": "127.0.0.1"})
    assert site["statuses"]["/healthz"] == 200
    assert "Strict-Transport-Security" not in site["headers"]["/healthz"]


def test_live_keys_are_never_served_over_http(start: Start) -> None:
    headers = start.ask("/healthz", **LIVE_KEYS, LOOPBACK="1")["headers"]["/healthz"]
    assert "Strict-Transport-Security" in headers


def test_health_is_503_while_the_database_is_away(start: Start) -> None:
    site = start.ask("/healthz", DATABASE_URL="postgres://nobody@127.0.0.1:1/nothing")
    assert site["statuses"]["/healthz"] == 503


@pytest.mark.django_db(databases=["default", "sandbox"])
def test_health_is_200_and_json(client: Client) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.fixture
def broken_sign_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(LoginView, "dispatch", fail)


def assert_hardened(headers: dict[str, str]) -> None:
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"].split()[0] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["object-src"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin-allow-popups"


@pytest.mark.django_db(databases=["default", "sandbox"])
@pytest.mark.parametrize(("path", "status"), [("/healthz", 200), ("/accounts/login/", 200), ("/no-such-page", 404)])
def test_every_answer_is_hardened(client: Client, path: str, status: int) -> None:
    response = client.get(path)
    assert response.status_code == status
    assert_hardened(dict(response.headers))


@pytest.mark.django_db(databases=["default", "sandbox"])
@pytest.mark.usefixtures("broken_sign_in")
def test_a_500_is_hardened_too_and_shows_nothing_of_the_bug(client: Client) -> None:
    client.raise_request_exception = False
    response = client.get("/accounts/login/")
    assert response.status_code == 500
    assert_hardened(dict(response.headers))
    assert b"a bug" not in response.content
