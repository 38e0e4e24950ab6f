"""What `make run` does once everything is installed: databases, demo data, server."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
DEMO = """\
Sign in with one click, or with the password "demo", as
  alice   monthly plan, one Visa, a few paid invoices
  bob     new here: nothing at Stripe yet
  carol   past due, her card fails when it is charged
  dave    on trial, no card yet
  erin    yearly plan, three cards (one expired), 40 invoices
  admin   staff: every table, read-only, at {address}admin/"""


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def chosen_port(host: str = HOST, default: str = "8000", command: str = "make run PORT=9000") -> int:
    """Return PORT, or stop with one sentence where it is no port or somebody else's."""
    text = os.environ.get("PORT", default)
    if not text.isdigit() or not 0 < int(text) < 65536:
        sys.exit(f"PORT must be a number from 1 to 65535, not {text!r}.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(text)))
        except PermissionError:
            sys.exit(f"Port {text} needs administrator rights here: choose another, for example `{command}`.")
        except socket.gaierror:
            sys.exit(f"HOST must be an address of this machine, not {host!r}.")
        except OSError:
            sys.exit(f"Port {text} is taken: stop what listens there, or choose another: `{command}`.")
    return int(text)


def prepare(sandbox: bool) -> None:
    """Bring the databases up to date; in sandbox mode with demo data, else with the static files of production."""
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connections

    for alias in connections:
        call_command("migrate", database=alias, verbosity=0)
    if sandbox:
        say("Preparing the demo data …")
        call_command("seed_sandbox", verbosity=0)
    elif not settings.LOCAL:
        call_command("collectstatic", interactive=False, verbosity=0)
    connections.close_all()  # the server forks: no connection may be shared


def serve(port: int, greeting: str, host: str = HOST) -> None:
    """Serve with gunicorn's threads until Ctrl-C or SIGTERM; print the greeting once the site answers."""
    from gunicorn.app.base import BaseApplication

    def greet(worker: Any) -> None:
        threading.Thread(target=greet_when_answering, args=(port, greeting), daemon=True).start()

    options = {
        "bind": f"{host}:{port}",
        "worker_class": "gthread",
        "workers": 1,
        "threads": 16,
        "timeout": 60,
        "graceful_timeout": 5,
        "loglevel": "warning",
        "control_socket_disable": True,
        "post_worker_init": greet,
    }

    class Server(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            for name, value in options.items():
                self.cfg.set(name, value)

        def load(self) -> Any:
            from config.wsgi import application

            return application

    Server().run()


def greet_when_answering(port: int, greeting: str) -> None:
    for _ in range(100):
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}/healthz", timeout=5):
                break
        except urllib.error.HTTPError:
            break  # an answer too, such as 400 where ALLOWED_HOSTS names another host
        except OSError:
            time.sleep(0.05)
    say(greeting)


def greeting(address: str, keys: Any) -> str:
    if keys.sandbox:
        return (
            f"\nThe billing dashboard is at {address} on the embedded Stripe sandbox: no real money moves.\n"
            + DEMO.format(address=address)
        )
    mode = "LIVE mode: real money moves" if keys.livemode else "test mode: no real money moves"
    return f"\nThe billing dashboard is at {address} and talks to Stripe in {mode}."


def main() -> None:
    os.chdir(ROOT)
    sys.path[:0] = [str(ROOT), str(ROOT / "site")]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ["LOOPBACK"] = "1"
    port = chosen_port()

    import django
    from django.core.exceptions import ImproperlyConfigured

    try:
        django.setup()
    except ImproperlyConfigured as error:
        sys.exit(f"Not started: {error}")
    from django.conf import settings

    prepare(settings.SANDBOX)
    address = f"http://{HOST}:{port}/"
    if os.environ.get("RELOAD"):
        say(greeting(address, settings.KEYS))
        os.execv(sys.executable, [sys.executable, "manage.py", "runserver", f"{HOST}:{port}"])  # noqa: S606
    serve(port, greeting(address, settings.KEYS) + "\nCtrl-C stops it.")


if __name__ == "__main__":
    main()
