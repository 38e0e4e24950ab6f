"""The customer portal: a client of the sandbox's own API, in pages."""
