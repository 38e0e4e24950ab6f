"""Addresses of `make sandbox`: the API at the root, where an SDK expects it, and at /sandbox/ as in the dashboard."""

from django.http import HttpRequest, JsonResponse
from django.urls import include, path

from sandbox import urls


def healthz(request: HttpRequest) -> JsonResponse:
    """Answer once the process serves: what a CI job waits for."""
    return JsonResponse({"status": "ok"})


urlpatterns = [
    path("healthz", healthz),
    path("sandbox/", include("sandbox.urls")),
    path("", include((urls.urlpatterns, "sandbox"), namespace="root")),
]
