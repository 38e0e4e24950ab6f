"""What `make sandbox` does: the sandbox alone, at the root of a port of its own, for any project in any language."""

from __future__ import annotations

import os
import sys

from serve import HOST, ROOT, chosen_port, serve

GREETING = """\
A Stripe for tests is at {address}: any sk_test_… key is an account of its own, made on first use.
  Python   stripe.StripeClient("sk_test_mine", base_addresses={{"api": "{address}"}})
  Node     new Stripe("sk_test_mine", {{host: "{host}", port: {port}, protocol: "http"}})
  curl     curl {address}/v1/customers -u sk_test_mine:
It remembers everything in var/, and listens {audience}. Ctrl-C stops it."""


def main() -> None:
    os.chdir(ROOT)
    sys.path[:0] = [str(ROOT), str(ROOT / "site")]
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.sandbox_only"
    host = os.environ.get("HOST") or HOST
    port = chosen_port(host, "12111", "make sandbox PORT=9000")

    import django
    from django.core.exceptions import ImproperlyConfigured

    try:
        django.setup()
    except ImproperlyConfigured as error:
        sys.exit(f"Not started: {error}")
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connections

    call_command("migrate", database="sandbox", verbosity=0)
    connections.close_all()  # the server forks: no connection may be shared
    audience = "to this machine only" if settings.LOOPBACK else f"to whoever can reach {host}"
    address = f"http://{HOST if host == '0.0.0.0' else host}:{port}"  # noqa: S104  a comparison
    reached = address.removeprefix("http://").rpartition(":")[0]
    serve(port, GREETING.format(address=address, host=reached, port=port, audience=audience), host)


if __name__ == "__main__":
    main()
