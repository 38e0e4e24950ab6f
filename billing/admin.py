"""Read-only pages for support: what Stripe says, which events came, what was asked for and what came of it."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from billing import money
from billing.models import Customer, Event, Invoice, Operation, PaymentMethod, Price, Product, Subscription


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs only
    """Shows, and changes nothing: the mirror is written by `billing.sync` alone."""

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Customer)
class CustomerAdmin(ReadOnlyAdmin):
    list_display = ("id", "email", "name", "payer_type", "payer_id", "delinquent", "deleted", "synced_at")
    list_select_related = ("payer_type",)
    list_filter = ("livemode", "delinquent", "deleted")
    search_fields = ("id", "email", "name", "payer_id")


@admin.register(PaymentMethod)
class PaymentMethodAdmin(ReadOnlyAdmin):
    list_display = ("id", "customer_id", "type", "brand", "last4", "exp_month", "exp_year", "deleted")
    search_fields = ("=id", "=customer__id", "=last4")


@admin.register(Product)
class ProductAdmin(ReadOnlyAdmin):
    list_display = ("id", "name", "active", "deleted")
    search_fields = ("id", "name")


@admin.register(Price)
class PriceAdmin(ReadOnlyAdmin):
    list_display = ("id", "lookup_key", "amount", "interval", "active", "product_id")
    search_fields = ("id", "lookup_key", "product_id")

    @admin.display(ordering="unit_amount")
    def amount(self, price: Price) -> str:
        return "" if price.unit_amount is None else money.format_money(price.unit_amount, price.currency)


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyAdmin):
    list_display = ("id", "customer_id", "status", "price_id", "current_period_end", "cancel_at_period_end")
    list_filter = ("status", "cancel_at_period_end", "livemode")
    search_fields = ("=id", "=customer__id", "customer__email")


@admin.register(Invoice)
class InvoiceAdmin(ReadOnlyAdmin):
    list_display = ("id", "number", "customer_id", "status", "amount", "created")
    list_filter = ("status", "livemode")
    search_fields = ("=id", "=number", "=customer__id", "customer__email")
    date_hierarchy = "created"

    @admin.display(ordering="total")
    def amount(self, invoice: Invoice) -> str:
        return money.format_money(invoice.total, invoice.currency)


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("stripe_id", "type", "object_id", "state", "attempts", "received_at", "error")
    list_filter = ("state", "livemode")
    search_fields = ("=stripe_id", "=object_id", "type")
    exclude: ClassVar = ("raw",)
    readonly_fields = ("body",)

    @admin.display(description="raw body")
    def body(self, event: Event) -> str:
        return bytes(event.raw).decode("utf-8", "replace")


@admin.register(Operation)
class OperationAdmin(ReadOnlyAdmin):
    list_display = ("id", "kind", "state", "user", "customer_id", "created", "updated", "attempts", "outcome")
    list_select_related = ("user",)
    list_filter = ("state", "kind")
    search_fields = ("=token", "=customer__id", "=payer_id")

    @admin.display
    def outcome(self, operation: Operation) -> str:
        return str(operation.error.get("message", "") or operation.result)
