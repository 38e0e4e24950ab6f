"""Settings of `make sandbox`: Stripe's double alone, for any other project, without the dashboard and its database."""

from __future__ import annotations

import os

os.environ["STRIPE_SANDBOX"] = "1"  # before the settings are read: they refuse to start beside live keys

from config.settings import *  # noqa: F403
from config.settings import BASE_DIR, LOGGING, VAR_DIR, _database, env

HOST = os.environ.get("HOST", "127.0.0.1")
LOOPBACK = HOST in {"127.0.0.1", "::1", "localhost"}
# Whoever may reach another address decided so with HOST=; the names it is reached by are theirs to choose.
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"] if LOOPBACK else ["*"]

INSTALLED_APPS = ["django.contrib.staticfiles", "sandbox"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
]
ROOT_URLCONF = "config.sandbox_urls"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
# The console looks like the dashboard where the front end is installed, and works without.
STATICFILES_DIRS = [folder for folder in (BASE_DIR / "static", BASE_DIR / "assets") if folder.exists()]
CSRF_FAILURE_VIEW = "django.views.csrf.csrf_failure"

_rows = _database(env.str("STRIPE_SANDBOX_DATABASE_URL", default=f"sqlite:///{VAR_DIR}/standalone.sqlite3"))
_rows["CONN_MAX_AGE"] = None  # a connection for each thread, for as long as it lives
if "init_command" in _rows.get("OPTIONS", {}):
    _rows["OPTIONS"]["init_command"] += " PRAGMA synchronous=OFF;"  # tests wait for no disk; a power cut may lose rows
DATABASES = {"default": {}, "sandbox": _rows}
LOGGING = {
    **LOGGING,
    "root": {**LOGGING["root"], "level": env.str("LOG_LEVEL", default="WARNING")},
    "loggers": {"django.request": {"level": "ERROR"}},  # a 404 or 409 is an answer of Stripe's, not worth a line
}
