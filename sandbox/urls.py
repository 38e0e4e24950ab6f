from __future__ import annotations

from django.urls import include, path

from sandbox import views

app_name = "sandbox"
urlpatterns = [
    path("v1/<path:path>", views.api, name="api"),
    path("", include("sandbox.control_api")),
    path("", include("sandbox.browser")),
    path("", include("sandbox.checkout.views")),
    path("", include("sandbox.console.urls")),
    path("", include("sandbox.invoice_pages")),
    path("", include("sandbox.portal.urls")),
]
