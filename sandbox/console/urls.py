from __future__ import annotations

from django.urls import path

from sandbox.console import accounts, home, log, mishaps, objects, post

urlpatterns = [
    path("", home.home, name="home"),
    path("scenarios/<str:name>/", home.play, name="play"),
    path("time/", home.advance, name="advance"),
    path("follow/", home.follow, name="follow"),
    path("objects/", objects.objects, name="objects"),
    path("objects/<str:kind>/", objects.objects, name="objects_of"),
    path("objects/<str:kind>/<path:id>/", objects.one, name="object"),
    path("customers/<str:id>/become/", objects.become, name="become"),
    path("customers/<str:id>/forget/", objects.forget, name="forget"),
    path("events/", log.events, name="events"),
    path("events/<str:id>/", log.event, name="event"),
    path("events/<str:id>/resend/", log.resend, name="resend"),
    path("webhooks/", log.webhooks, name="webhooks"),
    path("webhooks/hold/", log.hold, name="hold"),
    path("deliveries/<int:pk>/send/", log.send, name="send"),
    path("mail/", post.tray, name="mail"),
    path("mail/<str:id>/", post.message, name="mail_message"),
    path("mishaps/", mishaps.mishaps, name="mishaps"),
    path("mishaps/<str:slug>/", mishaps.add, name="add_mishap"),
    path("mishaps/<str:slug>/clear/", mishaps.clear, name="clear_mishaps"),
    path("accounts/", accounts.accounts, name="accounts"),
    path("accounts/choose/", accounts.choose, name="choose_account"),
    path("accounts/reset/", accounts.reset, name="reset"),
    path("accounts/snapshots/save/", accounts.save, name="save_snapshot"),
    path("accounts/snapshots/restore/", accounts.restore, name="restore_snapshot"),
    path("accounts/snapshots/delete/", accounts.drop, name="delete_snapshot"),
]
