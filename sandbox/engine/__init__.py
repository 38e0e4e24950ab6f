"""Money and time: what a subscription costs, when, and what becomes of the invoice. No route lives here."""
