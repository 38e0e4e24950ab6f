"""Sent once per real transition, after commit. Receivers that fail are logged and never undo what was recorded."""

from django.dispatch import Signal

subscription_changed = Signal()
"""`subscription` (mirror row), `previous` (status before, None when new). Sent when the status, price, quantity or the
plan to cancel changes."""

invoice_paid = Signal()
"""`invoice` (mirror row)."""

payment_failed = Signal()
"""`invoice` (mirror row, open). Sent once per failed attempt."""
