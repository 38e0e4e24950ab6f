"""What the flows click on: one class per page, in the customer's words. They know roles and labels, not markup."""
