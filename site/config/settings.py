"""Settings of the site. Everything that differs between machines comes from the environment or `.env`."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config.stripe_keys import read_keys

BASE_DIR = Path(__file__).resolve().parent.parent.parent
VAR_DIR = BASE_DIR / "var"  # databases and the development secret: never committed

env = environ.Env()
env.read_env(BASE_DIR / ".env")

KEYS = read_keys(os.environ)
SANDBOX = KEYS.sandbox
DEBUG = env.bool("DEBUG", default=False)
if DEBUG and KEYS.livemode:
    raise ImproperlyConfigured("DEBUG is on with a live Stripe key: its error pages would show what customers pay.")
# A developer's machine: plain http, static files served from where they lie. `make run` listens on the loopback only.
LOCAL = SANDBOX or DEBUG or (env.bool("LOOPBACK", default=False) and not KEYS.livemode)


def _secret_key() -> str:
    """Return SECRET_KEY, or on a developer's machine a random one kept in var/ so that sign-ins survive a restart."""
    key: str = env.str("SECRET_KEY", default="")
    if key:
        return key
    if not LOCAL:
        raise ImproperlyConfigured("SECRET_KEY is not set: put a long random value into the environment.")
    VAR_DIR.mkdir(exist_ok=True)
    path = VAR_DIR / "secret_key"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(50))
    return path.read_text()


SECRET_KEY = _secret_key()
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"] if LOCAL else [])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "crispy_forms",
    "crispy_bootstrap5",
    "billing",
    *(["sandbox"] if SANDBOX else []),
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "billing.middleware.HtmxResponseMiddleware",
    "billing.middleware.TimeZoneMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "billing.context_processors.billing",
                *(["sandbox.context_processors.sandbox"] if SANDBOX else []),
            ],
        },
    },
]
CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"


def _database(url: str) -> dict[str, Any]:
    config: dict[str, Any] = environ.Env.db_url_config(url)
    if config["ENGINE"] == "django.db.backends.sqlite3":
        VAR_DIR.mkdir(exist_ok=True)
        # IMMEDIATE: a writer waits for its turn at BEGIN, instead of failing half way with "database is locked".
        config["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
        }
        # A file in tests too: the browser flows are served by other threads, which would not see a database in memory.
        path = Path(config["NAME"])
        config["TEST"] = {"NAME": str(path.with_name(f"test_{path.name}"))}
    else:
        config["CONN_MAX_AGE"] = 60
    return config


DATABASES = {"default": _database(env.str("DATABASE_URL", default=f"sqlite:///{VAR_DIR}/billing.sqlite3"))}
if SANDBOX:
    # Stripe's side of the world: a request of ours that rolls back leaves it standing, as in life.
    DATABASES["sandbox"] = _database(
        env.str("STRIPE_SANDBOX_DATABASE_URL", default=f"sqlite:///{VAR_DIR}/sandbox.sqlite3")
    )
    DATABASE_ROUTERS = ["sandbox.router.SandboxRouter"]
    # How the sandbox tells the dashboard of the customers that it made, and of the catalogue; and asks whose is whose.
    SANDBOX_LINK_CUSTOMER = "billing.payers.link_customer"
    SANDBOX_CUSTOMER_OF = "billing.payers.customer_of"
    SANDBOX_AFTER_RESTORE = "billing.sync.everything"
    SANDBOX_AFTER_SEED = "billing.sync.catalogue"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "billing:home"
LOGOUT_REDIRECT_URL = "login"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static", BASE_DIR / "assets"]  # assets/: from npm, never committed
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if LOCAL
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = LOCAL

BILLING: dict[str, Any] = {
    "SECRET_KEY": KEYS.secret_key,
    "PUBLISHABLE_KEY": KEYS.publishable_key,
    "WEBHOOK_SECRETS": KEYS.webhook_secrets,
    "LIVEMODE": KEYS.livemode,
    # Where the browser loads Stripe.js from, and who carries the server's calls: the two doors to Stripe.
    "STRIPE_JS": "/sandbox/stripe.js" if SANDBOX else "https://js.stripe.com/endive/stripe.js",
    "HTTP_CLIENT": "sandbox.transport.InProcessClient" if SANDBOX else None,
    "NOW": "sandbox.clock.demo_now" if SANDBOX else "django.utils.timezone.now",
}

# Stripe's hosts, from docs.stripe.com/security/guide; the sandbox lives on our own origin.
_STRIPE_SCRIPT = [] if SANDBOX else ["https://js.stripe.com", "https://*.js.stripe.com"]
_STRIPE_FRAME = [SELF] if SANDBOX else ["https://js.stripe.com", "https://*.js.stripe.com", "https://hooks.stripe.com"]
_STRIPE_CONNECT = [] if SANDBOX else ["https://api.stripe.com"]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "object-src": [NONE],
        "frame-ancestors": [NONE],
    }
}
# Added by `billing.views` to the pages that carry a card form.
STRIPE_CSP = {"script-src": _STRIPE_SCRIPT, "frame-src": _STRIPE_FRAME, "connect-src": _STRIPE_CONNECT}

CSRF_FAILURE_VIEW = "billing.middleware.csrf_failure"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin-allow-popups"  # 3-D Secure pages may open a window
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"  # Strict would lose the session on the way back from a bank
if not LOCAL:
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
    SECURE_REDIRECT_EXEMPT = [r"^billing/webhooks/", r"^healthz$"]
    SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
    if env.bool("BEHIND_TLS_PROXY", default=False):
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {"stripe": {"level": "WARNING"}},
}
