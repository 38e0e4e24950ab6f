"""The sandbox's Elements on a bare page: typing, errors, events and looks, with nothing but what the real ones have."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from pages.elements_demo import ElementsDemo
from pages.stripe_elements import ASKS_ALWAYS, VISA

WCAG = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]


@pytest.fixture
def demo(page: Page, base_url: str) -> ElementsDemo:
    return ElementsDemo(page, base_url)


def test_what_is_missing_is_said_at_each_field(demo: ElementsDemo) -> None:
    demo.open()
    demo.payment.get_by_label("Card number").fill("42424")
    demo.submit()
    error = demo.result()["error"]
    assert error == {
        "type": "validation_error",
        "code": "incomplete_number",
        "message": "Your card number is incomplete.",
    }
    alerts = demo.payment.get_by_role("alert")
    expect(alerts).to_have_text(
        [
            "Your card number is incomplete.",
            "Your card's expiration date is incomplete.",
            "Your card's security code is incomplete.",
            "Your postal code is incomplete.",
        ]
    )
    expect(demo.payment.locator("#payment-numberInput")).to_have_attribute("aria-invalid", "true")
    expect(demo.payment.locator("#payment-numberInput")).to_be_focused()


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("Card number", "4242424242424241", "Your card number is invalid."),
        ("Expiration date", "1220", "Your card's expiration year is in the past."),
    ],
)
def test_what_cannot_be_right_is_said_while_typing(demo: ElementsDemo, field: str, text: str, message: str) -> None:
    demo.open()
    demo.payment.get_by_label(field).fill(text)
    expect(demo.payment.get_by_text(message)).to_be_visible()
    demo.payment.get_by_label(field).fill("")
    expect(demo.payment.get_by_text(message)).to_have_count(0)


def test_the_page_is_told_of_changes_but_never_of_the_number(demo: ElementsDemo) -> None:
    demo.open(element="card").type_into_card("378282246310005", cvc="1234")
    demo.card.locator("[name=postal]").press("Escape")
    expect(demo.page.locator("#host")).to_have_class("StripeElement StripeElement--complete StripeElement--focus")
    assert demo.events("ready") == [{"elementType": "card"}]
    assert demo.events("escape") == [{"elementType": "card"}]
    assert demo.events("change")[-1] == {
        "elementType": "card",
        "empty": False,
        "complete": True,
        "value": {"postalCode": "12345"},
        "brand": "amex",
    }
    assert "8224" not in demo.page.content()


def test_a_card_elements_error_comes_with_its_change(demo: ElementsDemo) -> None:
    demo.open(element="card").card.locator("[name=exp-date]").fill("1220")
    expect(demo.page.locator("#host")).to_have_class("StripeElement StripeElement--focus StripeElement--invalid")
    assert demo.events("change")[-1]["error"] == {
        "type": "validation_error",
        "code": "invalid_expiry_year_past",
        "message": "Your card's expiration year is in the past.",
    }


def test_the_payment_elements_change_names_no_brand_and_no_error(demo: ElementsDemo) -> None:
    demo.open().type_into_payment(VISA)
    demo.payment.get_by_label("ZIP code").blur()
    assert demo.events("change")[-1] == {
        "elementType": "payment",
        "empty": False,
        "complete": True,
        "collapsed": False,
        "value": {"type": "card", "billingDetails": {"address": {"country": "US", "postalCode": "12345"}}},
    }


def test_keys_write_the_number_in_groups_and_lead_from_field_to_field(demo: ElementsDemo) -> None:
    demo.open(element="card").card.locator("[name=cardnumber]").click()
    demo.page.keyboard.type("424242424242424213341237890", delay=5)
    for name, value in {
        "cardnumber": "4242 4242 4242 4242",
        "exp-date": "01 / 33",
        "cvc": "412",
        "postal": "37890",
    }.items():
        expect(demo.card.locator(f"[name={name}]")).to_have_value(value)


def test_backspace_goes_over_spaces_and_back_into_the_field_before(demo: ElementsDemo) -> None:
    number = demo.open(element="card").card.locator("[name=cardnumber]")
    number.fill("42424")
    number.press("Backspace")
    expect(number).to_have_value("4242")
    number.press("Backspace")
    expect(number).to_have_value("424")
    demo.card.locator("[name=exp-date]").press("Backspace")
    expect(number).to_be_focused()


def test_a_digit_put_into_the_middle_leaves_the_caret_there(demo: ElementsDemo) -> None:
    number = demo.open().payment.get_by_label("Card number")
    number.fill("42424242")
    for key in ("Home", "ArrowRight", "5"):
        number.press(key)
    expect(number).to_have_value("4524 2424 2")
    assert number.evaluate("input => input.selectionStart") == 2


def test_enter_submits_the_form_around_the_element(demo: ElementsDemo) -> None:
    demo.open().type_into_payment(VISA)
    demo.payment.get_by_label("ZIP code").press("Enter")
    assert demo.result()["setupIntent"]["status"] == "succeeded"


def test_a_country_without_postal_codes_does_not_ask_for_one(demo: ElementsDemo) -> None:
    demo.open()
    demo.payment.get_by_label("Country").select_option("IE")
    expect(demo.payment.get_by_label("ZIP code")).to_be_hidden()
    demo.payment.get_by_label("Card number").fill(VISA)
    demo.payment.get_by_label("Expiration date").fill("1234")
    demo.payment.get_by_label("Security code").fill("123")
    demo.submit()
    method = demo.stripe.v1.payment_methods.retrieve(demo.result()["setupIntent"]["payment_method"])
    assert (method.billing_details.address.country, method.billing_details.address.postal_code) == ("IE", None)


def test_the_look_follows_the_page(demo: ElementsDemo) -> None:
    demo.open()
    number = demo.payment.get_by_label("Card number")
    demo.page.evaluate(
        "elements.update({appearance: {theme: 'night', variables: {colorBackground: '#102030', borderRadius: '0px'}}})"
    )
    expect(number).to_have_css("background-color", "rgb(16, 32, 48)")
    expect(number).to_have_css("border-radius", "0px")
    demo.page.evaluate("elements.update({appearance: {theme: 'stripe'}})")
    expect(number).to_have_css("background-color", "rgb(255, 255, 255)")


def test_the_terms_of_keeping_a_card_show_where_it_is_kept(demo: ElementsDemo) -> None:
    terms = demo.open().payment.get_by_text("you allow this business to charge your card for future payments")
    expect(terms).to_be_visible()
    demo.page.evaluate("elements.update({mode: 'payment', amount: 1200, currency: 'usd'})")
    expect(terms).to_be_hidden()
    demo.page.evaluate("elements.update({setupFutureUsage: 'off_session'})")
    expect(terms).to_be_visible()


def test_countries_are_named_in_the_locale(demo: ElementsDemo) -> None:
    demo.open(locale="de")
    expect(demo.payment.get_by_label("Country").locator("option[value=AT]")).to_have_text("Österreich")


def test_a_card_elements_style_is_applied_to_its_states(demo: ElementsDemo) -> None:
    demo.open(element="card")
    demo.page.evaluate("element.update({style: {base: {color: '#102030'}, invalid: {color: '#ff0000'}}})")
    number = demo.card.locator("[name=cardnumber]")
    expect(number).to_have_css("color", "rgb(16, 32, 48)")
    number.fill("4242424242424241")
    expect(number).to_have_css("color", "rgb(255, 0, 0)")


def check_frames(page: Page) -> None:
    """Fail on what axe finds in any document but the page's own, which `accessible` looks at."""
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    for frame in page.frames[1:]:
        if frame.parent_frame == page.main_frame:  # axe sees no ground through a transparent frame: lay it in
            frame.evaluate("ground => { document.documentElement.style.backgroundColor = ground }", ground)
        found = Axe().run(frame, options={"runOnly": WCAG, "resultTypes": ["violations"]}).response["violations"]
        assert not found, f"{frame.url}: " + "; ".join(each["help"] for each in found)


@pytest.mark.parametrize("query", [{}, {"theme": "night"}, {"theme": "flat"}, {"element": "card"}])
def test_a_reader_of_the_screen_gets_along_with_an_element(
    demo: ElementsDemo, accessible: Callable[[Page], None], query: dict[str, str]
) -> None:
    demo.open(**query)
    check_frames(demo.page)
    demo.submit()
    assert demo.result()["error"]["code"] == "incomplete_number"
    check_frames(demo.page)
    accessible(demo.page)


def test_a_reader_of_the_screen_gets_along_with_a_challenge(demo: ElementsDemo) -> None:
    demo.open().type_into_payment(ASKS_ALWAYS)
    demo.submit()
    expect(demo.bank.get_by_role("button", name="Complete")).to_be_visible()
    check_frames(demo.page)
