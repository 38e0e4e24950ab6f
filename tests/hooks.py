"""Webhook views for tests: `pytest.mark.urls("hooks")` serves them beside the site's own pages."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt


class Hook:
    """A webhook view: it notes what comes, and answers what a test tells it to."""

    def __init__(self) -> None:
        self.requests: list[HttpRequest] = []
        self.statuses: list[int] = []
        self.then: Callable[[Any], None] | None = None

    @property
    def types(self) -> list[str]:
        return [json.loads(request.body)["type"] for request in self.requests]

    def __call__(self, request: HttpRequest) -> HttpResponse:
        self.requests.append(request)
        translation.activate("de")
        if self.then:
            self.then(json.loads(request.body))
        return HttpResponse("noted", status=self.statuses.pop(0) if self.statuses else 200)


hooks: dict[str, Hook] = defaultdict(Hook)


@csrf_exempt
def receive(request: HttpRequest, name: str) -> HttpResponse:
    return hooks[name](request)


urlpatterns = [path("hook/<str:name>/", receive), path("", include("config.urls"))]
