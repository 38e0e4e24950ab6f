"""Every address of the dashboard, in page order."""

from django.urls import path
from django.views.generic import TemplateView

app_name = "billing"
urlpatterns = [
    path("", TemplateView.as_view(template_name="base.html"), name="home"),
    path("plan/", TemplateView.as_view(template_name="base.html"), name="plan"),
    path("cards/", TemplateView.as_view(template_name="base.html"), name="cards"),
    path("invoices/", TemplateView.as_view(template_name="base.html"), name="invoices"),
]
