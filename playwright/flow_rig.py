"""The flows' own footing: site and test share their data, and what goes wrong unseen is reported."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from playwright.sync_api import BrowserContext, Page, Route, expect

from guard import Guard
from snapshot import Snapshot

SignIn = Callable[[Page, str], Page]


def serve(page: Page, html: str, **headers: str) -> None:
    """Answer `/test-page` with this HTML, in place of the site."""

    def fulfill(route: Route) -> None:
        route.fulfill(body=html, content_type="text/html", headers=headers)

    page.context.route("**/test-page", fulfill)
    page.goto("/test-page")


def test_what_the_site_writes_the_test_sees(page: Page) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Username").fill("alice")
    page.get_by_label("Password").fill("demo")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/billing/")
    alice = get_user_model().objects.get(username="alice")
    assert [session.get_decoded()["_auth_user_id"] for session in Session.objects.all()] == [str(alice.pk)]


def test_what_the_test_writes_the_site_sees(page: Page, signed_in: SignIn) -> None:
    signed_in(page, "alice").goto("/billing/")
    get_user_model().objects.filter(username="alice").update(is_active=False)
    page.reload()
    page.wait_for_url("**/accounts/login/**")


@pytest.mark.parametrize("time", ["first", "second"])
def test_every_flow_begins_with_everyone_as_seeded(time: str) -> None:
    users = get_user_model().objects
    assert set(users.values_list("username", flat=True)) == {"alice", "bob", "carol", "dave", "erin", "admin"}
    users.get(username="alice").delete()


@pytest.mark.parametrize(
    ("html", "said"),
    [
        ("<script>console.error('lost')</script>", "console: lost"),
        ("<script>setTimeout(() => { throw new Error('broken') })</script>", "uncaught: broken"),
        ("<img src=/no-such-image.png>", "404 for GET"),
        ("<img src=https://elsewhere.example/pixel.png>", "a request left the site: GET https://elsewhere.example/"),
    ],
)
def test_the_guard_reports(page: Page, guard: Guard, html: str, said: str) -> None:
    serve(page, f"<title>t</title><link rel=icon href=data:,>{html}")
    page.wait_for_load_state("networkidle")
    found = guard.take()
    assert any(problem.startswith(said) for problem in found), found


@pytest.mark.parametrize(
    ("policy", "html"),
    [
        ("script-src 'none'", "<script>1</script>"),
        ("style-src 'none'", "<style>p { color: red }</style>"),
        ("img-src 'none'", "<img src=/pixel.png>"),
    ],
)
def test_the_guard_reports_what_the_content_security_policy_refuses(
    page: Page, guard: Guard, policy: str, html: str
) -> None:
    serve(page, f"<title>t</title><link rel=icon href=data:,>{html}", **{"Content-Security-Policy": policy})
    page.wait_for_load_state("networkidle")
    assert any(problem.startswith("console: CSP: ") for problem in guard.take())


def test_the_guard_lets_a_refusal_pass_that_was_expected(page: Page, guard: Guard) -> None:
    guard.expect(404)
    page.goto("/no-such-page")
    assert guard.take() == []


def test_the_guard_misses_a_refusal_that_was_expected(page: Page, guard: Guard) -> None:
    guard.expect(402)
    assert guard.take() == ["no answer with status 402 came, and one was expected"]
    guard.expected.clear()


def test_the_guard_watches_a_second_person_too(
    new_context: Callable[..., BrowserContext], guard: Guard, signed_in: SignIn
) -> None:
    second = new_context().new_page()
    serve(second, "<link rel=icon href=data:,><script>console.error('lost')</script>")
    assert len(guard.take()) == 1


def test_the_accessibility_check_fails_on_a_grave_fault(page: Page, accessible: Callable[[Page], None]) -> None:
    serve(page, "<html lang=en><title>t</title><link rel=icon href=data:,><main><button></button></main>")
    with pytest.raises(AssertionError, match="button-name"):
        accessible(page)


def test_the_sign_in_page_is_accessible(page: Page, accessible: Callable[[Page], None]) -> None:
    page.goto("/accounts/login/")
    expect(page.get_by_role("main")).to_be_visible()
    accessible(page)


def test_restored_rows_are_not_read_through_content_types_of_another_numbering(personas: Snapshot) -> None:
    ContentType.objects._add_to_cache("default", ContentType(pk=9999, app_label="auth", model="user"))
    personas.restore()
    assert ContentType.objects.get(app_label="auth", model="user") == ContentType.objects.get_for_model(User)
