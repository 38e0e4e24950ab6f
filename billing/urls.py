"""Every address of the dashboard, in page order: pages are nouns, actions the verb they do."""

from django.urls import path

from billing import webhooks
from billing.views import cancel, cards, home, invoices, plan

app_name = "billing"
urlpatterns = [
    path("", home.home, name="home"),
    path("cards/", cards.cards, name="cards"),
    path("cards/setup/", cards.start_card, name="start_card"),
    path("cards/add/", cards.add_card, name="add_card"),
    path("cards/return/", cards.card_return, name="card_return"),
    path("cards/<str:card_id>/default/", cards.make_default, name="make_default"),
    path("cards/<str:card_id>/edit/", cards.edit_card, name="edit_card"),
    path("cards/<str:card_id>/remove/", cards.remove_card, name="remove_card"),
    path("plan/", plan.plan, name="plan"),
    path("plan/subscribe/", plan.subscribe, name="subscribe"),
    path("plan/change/", plan.change_plan, name="change_plan"),
    path("plan/settle/", plan.settle_plan, name="settle_plan"),
    path("plan/return/", plan.plan_return, name="plan_return"),
    path("invoices/", invoices.invoices, name="invoices"),
    path("invoices/<str:invoice_id>/", invoices.invoice, name="invoice"),
    path("invoices/<str:invoice_id>/pay/", invoices.pay_invoice, name="pay_invoice"),
    path("invoices/<str:invoice_id>/settle/", invoices.settle_invoice, name="settle_invoice"),
    path("invoices/<str:invoice_id>/return/", invoices.invoice_return, name="invoice_return"),
    path("cancel/", cancel.cancel, name="cancel"),
    path("cancel/confirm/", cancel.cancel_plan, name="cancel_plan"),
    path("cancel/undo/", cancel.undo_cancel, name="undo_cancel"),
    path("webhooks/stripe/", webhooks.receive, name="webhook"),
]
