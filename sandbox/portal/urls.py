from __future__ import annotations

from django.urls import path

from sandbox.portal import cards, changes, home, login, subscriptions

_SESSION = "p/session/<str:token>/"
_SUBSCRIPTION = f"{_SESSION}subscriptions/<str:subscription>/"

urlpatterns = [
    path(_SESSION, home.home, name="portal_home"),
    path(f"{_SESSION}flow/", home.flow, name="portal_flow"),
    path(f"{_SESSION}completed/", home.completed, name="portal_completed"),
    path(f"{_SESSION}customer/", home.customer, name="portal_customer"),
    path(f"{_SESSION}payment-methods/add/", cards.add_card, name="portal_add_card"),
    path(f"{_SESSION}payment-methods/setup/", cards.setup, name="portal_setup"),
    path(f"{_SESSION}payment-methods/<str:card>/default/", cards.make_default, name="portal_make_default"),
    path(f"{_SESSION}payment-methods/<str:card>/remove/", cards.remove_card, name="portal_remove_card"),
    path(f"{_SUBSCRIPTION}cancel/", subscriptions.cancel, name="portal_cancel"),
    path(f"{_SUBSCRIPTION}cancel/reason/", subscriptions.reason, name="portal_reason"),
    path(f"{_SUBSCRIPTION}renew/", subscriptions.renew, name="portal_renew"),
    path(f"{_SUBSCRIPTION}pause/", subscriptions.pause, name="portal_pause"),
    path(f"{_SUBSCRIPTION}resume/", subscriptions.resume, name="portal_resume"),
    path(f"{_SUBSCRIPTION}payment-method/", cards.pay_with, name="portal_pay_with"),
    path(f"{_SUBSCRIPTION}update/", changes.update, name="portal_update"),
    path(f"{_SUBSCRIPTION}update/confirm/", changes.confirm, name="portal_confirm"),
    path(f"{_SUBSCRIPTION}update/undo/", changes.undo, name="portal_undo"),
    path(f"{_SUBSCRIPTION}update/pay/", changes.pay, name="portal_pay"),
    path(f"{_SESSION}recover/", login.recover, name="portal_recover"),
    path("p/login/<str:token>/", login.login, name="portal_login"),
]
