"""The browser's half of Stripe: stripe.js, the frames, the 3-D Secure pages."""

from __future__ import annotations

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
