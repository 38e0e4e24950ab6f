"""What every flow stands on: a site with the demo customers, a browser, and a guard that sees what the flow does not.

`--base-url` drives a site that runs elsewhere instead; a flow ends there where it would look into the databases.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client, override_settings
from playwright.sync_api import BrowserContext, BrowserType, Page

from books import Books
from chromium import ARGUMENTS, candidates
from guard import Guard
from line import Line
from sandbox import clock, dashboard, scenarios, server
from snapshot import Snapshot

# Playwright's sync API keeps an event loop in this thread, which Django would take for async code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

HERE = Path(__file__).parent
WCAG = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]


@dataclass(frozen=True)
class Site:
    """Where the flows go. `remote`: it was given by --base-url, and its databases are out of reach."""

    url: str
    remote: bool


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give every flow of our own site all databases, seen by test and server alike."""
    for item in [] if config.getoption("base_url") else items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.django_db(transaction=True, databases=list(settings.DATABASES)))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any], browser_type: BrowserType) -> dict[str, Any]:
    """Launch the Chromium that `chromium.candidates` prefers; other browsers, and channels, as Playwright does."""
    if browser_type.name != "chromium" or browser_type_launch_args.get("channel"):
        return browser_type_launch_args
    executable = next(iter(candidates(browser_type.executable_path)), None)
    named = {"executable_path": executable} if executable else {}
    arguments = [*browser_type_launch_args.get("args", []), *ARGUMENTS]
    return {**browser_type_launch_args, **named, "args": arguments}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """One reader for every flow: English, UTC, no animations."""
    return {
        **browser_context_args,
        "locale": "en-US",
        "timezone_id": "UTC",
        "reduced_motion": "reduce",
        "viewport": {"width": 1280, "height": 800},
    }


@pytest.fixture(scope="session")
def base_url(request: pytest.FixtureRequest) -> str:
    """The address of the site; `page.goto("/billing/")` is relative to it."""
    return (request.config.getoption("base_url") or request.getfixturevalue("live_server").url).rstrip("/")


@pytest.fixture(scope="session")
def personas(django_db_setup: None, django_db_blocker: Any, base_url: str) -> Generator[Snapshot, None, None]:
    """The databases as `make run` leaves them: alice, bob, carol, dave and erin, their invoices' pages served here."""
    with override_settings(SANDBOX_ORIGIN=base_url):
        with django_db_blocker.unblock():
            empty = Snapshot()
            call_command("seed_sandbox", verbosity=0)
            seeded = Snapshot()
            empty.restore()
        yield seeded


@pytest.fixture(autouse=True)
def site(base_url: str, request: pytest.FixtureRequest) -> Site:
    """The site with everyone on it as seeded, whatever the flow before did."""
    remote = bool(request.config.getoption("base_url"))
    if not remote:
        request.getfixturevalue("transactional_db")
        request.getfixturevalue("personas").restore()
    return Site(base_url, remote)


@pytest.fixture
def books(site: Site) -> Books:
    """Stripe and the mirror, where every click has to leave the same mark."""
    if site.remote:
        pytest.skip("the books of a site that runs elsewhere are out of reach")
    return Books()


@pytest.fixture
def scenario(site: Site) -> Callable[[str, str], str]:
    """A function that puts a demo customer into a named state: `scenario("cancels soon", "bob")`, their new id."""
    account = server.account_named(clock.DEMO)
    return lambda name, username: scenarios.play(account, name, dashboard.user_named(username))


@pytest.fixture
def line(site: Site, monkeypatch: pytest.MonkeyPatch) -> Generator[Line, None, None]:
    """The line between the dashboard and Stripe, for flows in which it is slow or dead."""
    cache.clear()
    yield Line(monkeypatch)
    cache.clear()  # since when Stripe has been silent


@pytest.fixture
def guard(site: Site) -> Guard:
    """The watch over this flow's browser; `guard.expect(422)` where the flow means to be refused."""
    return Guard(site.url, only_origin=settings.SANDBOX)


@pytest.fixture
def new_context(new_context: Callable[..., BrowserContext], guard: Guard) -> Callable[..., BrowserContext]:
    """Make a further browser context, watched like the first: a second person, a second device."""
    return lambda **options: guard.watch(new_context(**options))


@pytest.fixture
def signed_in(site: Site) -> Callable[[Page, str], Page]:
    """A function that signs a demo customer in and returns the page: `signed_in(page, "alice")`."""

    def sign_in(page: Page, name: str) -> Page:
        if site.remote:
            page.goto("/accounts/login/")
            page.get_by_label("Username").fill(name)
            page.get_by_label("Password").fill("demo")
            page.get_by_role("button", name="Sign in", exact=True).click()
            page.wait_for_url("**/billing/**")
            return page
        client = Client()
        client.force_login(get_user_model().objects.get(username=name))
        cookie = client.cookies[settings.SESSION_COOKIE_NAME]
        page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": site.url}])
        return page

    return sign_in


@pytest.fixture
def accessible() -> Callable[[Page], None]:
    """A function that fails on what axe calls serious or critical, in the light theme and in the dark one."""

    def check(page: Page) -> None:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found = Axe().run(page, options={"runOnly": WCAG, "resultTypes": ["violations"]}).response["violations"]
            grave = [violation for violation in found if violation["impact"] in {"serious", "critical"}]
            assert not grave, f"{scheme}, {page.url}:\n" + "\n".join(map(described, grave))
        page.emulate_media(color_scheme="null")

    return check


def described(violation: dict[str, Any]) -> str:
    where = ", ".join(str(node["target"]) for node in violation["nodes"])
    return f"  {violation['id']}: {violation['help']} at {where}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Fail a flow during which something went wrong in the browser, though what it looked at was right."""
    try:
        result = yield
    except RuntimeError as error:
        if item.config.getoption("base_url") and "Database access not allowed" in str(error):
            pytest.skip("From here on this flow looks into the databases, which --base-url does not reach.")
        raise
    guard = getattr(item, "funcargs", {}).get("guard")
    if guard and (problems := guard.take()):
        pytest.fail("In the browser, unnoticed by the flow:\n" + "\n".join(map("  {}".format, problems)), pytrace=False)
    return result
