"""Saved cards: list, add, edit, make default, remove."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from billing import actions
from billing.actions import SavedCard
from billing.errors import BillingError, Gone
from billing.forms import CardForm
from billing.middleware import Request
from billing.models import PaymentMethod
from billing.operations import new_token
from billing.payers import Actor, actor_of
from billing.standing import standing_of
from billing.templatetags.billing import card_words
from billing.views.panels import done, leave_bank, own, panel, status_of, token_of, with_stripe


@require_GET
@with_stripe
@login_required
def cards(request: Request) -> HttpResponse:
    return show_cards(request)


def show_cards(request: Request, error: BillingError | None = None, *, added: bool = False) -> HttpResponse:
    standing = standing_of(actor_of(request).customer)
    needed = actions.needed_cards(standing.customer) if standing.customer else {}
    rows = [(card, needed.get(card.pk, "")) for card in standing.cards]
    return panel(request, "cards", {"standing": standing, "rows": rows, "added": added}, error=error)


@require_POST
@login_required
def start_card(request: Request) -> JsonResponse:
    """Make the SetupIntent that the card form saves with; only now, when Save was pressed."""
    try:
        secret = actions.start_card(actor_of(request), token_of(request))
    except BillingError as error:
        return JsonResponse({"error": str(error), "token": new_token()}, status=status_of(error))
    return JsonResponse({"client_secret": secret})


@require_POST
@with_stripe
@login_required
def add_card(request: Request) -> HttpResponse:
    try:
        saved = _finish(actor_of(request), request.POST.get("setup_intent", ""))
    except BillingError as error:
        return show_cards(request, error)
    return done(request, "cards", _saved_words(saved)) or show_cards(request, added=True)


@require_GET
@login_required
def card_return(request: Request) -> HttpResponse:
    """Come back from the bank's page. The query names the intent and claims an outcome; only the name is read."""
    try:
        messages.success(request, _saved_words(_finish(actor_of(request), request.GET.get("setup_intent", ""))))
    except BillingError as error:
        messages.error(request, str(error))
    return leave_bank("billing:cards")


def _finish(actor: Actor, setup_intent: str) -> SavedCard:
    try:
        return actions.finish_card(actor, setup_intent)
    except Gone as error:
        raise Http404 from error


def _saved_words(saved: SavedCard) -> str:
    name = card_words(saved.card)
    if saved.already_saved:
        return f"{name} is already saved: nothing was added twice."
    return f"{name} is saved and will be charged from now on." if saved.became_default else f"{name} is saved."


@require_POST
@with_stripe
@login_required
def make_default(request: Request, card_id: str) -> HttpResponse:
    actor = actor_of(request)
    card = own(actor, PaymentMethod, card_id)
    try:
        actions.make_default(actor, card, token_of(request))
    except BillingError as error:
        return show_cards(request, error)
    return done(request, "cards", f"{card_words(card)} is your default card now.") or show_cards(request)


@require_POST
@with_stripe
@login_required
def remove_card(request: Request, card_id: str) -> HttpResponse:
    actor = actor_of(request)
    card = own(actor, PaymentMethod, card_id)
    try:
        actions.remove_card(actor, card, token_of(request))
    except BillingError as error:
        return show_cards(request, error)
    return done(request, "cards", f"{card_words(card)} is removed.") or show_cards(request)


@require_http_methods(["GET", "POST"])
@with_stripe
@login_required
def edit_card(request: Request, card_id: str) -> HttpResponse:
    actor = actor_of(request)
    card = own(actor, PaymentMethod, card_id)
    form = CardForm(card, request.POST or None)
    error = None
    if form.is_valid():
        try:
            _edit(actor, card, form)
            return done(request, "cards", f"{card_words(card)} is updated.") or show_cards(request)
        except BillingError as refusal:
            error = refusal
    context = {"card": card, "form": form, "card_page": True}
    status = 422 if form.is_bound else 200
    return panel(request, "cards", context, part="edit_card", region=f"card-{card.pk}", error=error, status=status)


def _edit(actor: Actor, card: PaymentMethod, form: CardForm) -> None:
    data = form.cleaned_data
    actions.edit_card(actor, card, data["token"], data["exp_month"], data["exp_year"], form.address)
