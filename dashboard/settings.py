"""Every setting, each from the environment. The README's table is held to this file by a test."""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryFile
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from environs import Env, EnvError, validate

from collector.redaction import BadRules, read_rules

env = Env()

BASE_DIR = Path(__file__).resolve().parent.parent

# Where we listen. The receivers share the pages' host unless told otherwise; port 0 turns a receiver off.
DASHBOARD_HOST = env.str("DASHBOARD_HOST", "127.0.0.1")
DASHBOARD_PORT = env.int("DASHBOARD_PORT", 8000, validate=validate.Range(1, 65_535))
OTLP_HOST = env.str("OTLP_HOST", DASHBOARD_HOST)
OTLP_HTTP_PORT = env.int("OTLP_HTTP_PORT", 4318, validate=validate.Range(0, 65_535))
OTLP_GRPC_PORT = env.int("OTLP_GRPC_PORT", 4317, validate=validate.Range(0, 65_535))

# Where coding agents are answered by the Model Context Protocol, in a process of its own; port 0 leaves it out.
MCP_HOST = env.str("MCP_HOST", "127.0.0.1")
MCP_PORT = env.int("MCP_PORT", 0, validate=validate.Range(0, 65_535))

# What we accept.
OTLP_API_KEY: list[str] = env.list("OTLP_API_KEY", [])
OTLP_MAX_BODY_BYTES = env.int("OTLP_MAX_BODY_BYTES", 64 * 1024 * 1024)
OTLP_CORS_ORIGINS: list[str] = env.list("OTLP_CORS_ORIGINS", [])
DATA_UPLOAD_MAX_MEMORY_SIZE = 32 * 1024 * 1024  # a console text pasted on the Setup page; files may be longer

# What is masked in it, before it is kept and in whatever is shown or exported: nothing unless it is said here.
REDACT_BUILTIN: list[str] = env.list("REDACT_BUILTIN", [])
REDACT_PATTERNS = env.str("REDACT_PATTERNS", "")
REDACT_KEYS: list[str] = env.list("REDACT_KEYS", [])
try:
    REDACTION = read_rules(REDACT_BUILTIN, REDACT_PATTERNS, REDACT_KEYS)
except BadRules as error:
    raise EnvError(str(error)) from error

# Which cluster is watched: `auto` is what the kubeconfig leads to, or the cluster this runs in.
DASHBOARD_CLUSTER = env.str("DASHBOARD_CLUSTER", "auto", validate=validate.OneOf(["auto", "off"]))
DASHBOARD_KUBE_CONTEXT = env.str("DASHBOARD_KUBE_CONTEXT", "")
DASHBOARD_NAMESPACES: list[str] = env.list("DASHBOARD_NAMESPACES", [])

# Test runs: how many sandboxes one may claim, and which routers' URLs it may send commands to, beyond the cluster's own
# names and this machine.
RUNS_MAX_SANDBOXES = env.int("RUNS_MAX_SANDBOXES", 500, validate=validate.Range(1, 10_000))
RUNS_ALLOWED_URLS: list[str] = env.list("RUNS_ALLOWED_URLS", [])
# Who does them: `auto`, a process the server starts when there is one to do; `off`, `manage.py run_worker` somewhere.
RUNS_WORKER = env.str("RUNS_WORKER", "auto", validate=validate.OneOf(["auto", "off"]))

# Where it is kept.
DASHBOARD_DATA_DIR = Path(env.str("DASHBOARD_DATA_DIR", str(BASE_DIR / "data"))).expanduser().resolve()
try:
    DASHBOARD_DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    with TemporaryFile(dir=DASHBOARD_DATA_DIR):
        pass
except OSError as error:
    raise EnvError(
        f"DASHBOARD_DATA_DIR: {DASHBOARD_DATA_DIR} cannot be made or written to: {error.strerror}. "
        "Name another directory, or run as its owner."
    ) from error
REDIS_URL = env.str("REDIS_URL", "")

# How much of it: what is received is kept so long, or until there is so much; 0 is no limit. Rollups and claims longer.
RETENTION_DAYS = env.float("RETENTION_DAYS", 7, validate=validate.Range(0))
RETENTION_MAX_BYTES = env.int("RETENTION_MAX_BYTES", 5 * 1024**3, validate=validate.Range(0))
ROLLUP_RETENTION_DAYS = env.float("ROLLUP_RETENTION_DAYS", 90, validate=validate.Range(0))


def kept_secret(name: str) -> str:
    """The secret in the data directory, made on first use and readable by its owner only."""
    path = DASHBOARD_DATA_DIR / name
    if not path.exists():
        # Linked into place whole: two processes that start together agree on one.
        with NamedTemporaryFile("w", dir=DASHBOARD_DATA_DIR, prefix=f"{name}.") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            with suppress(FileExistsError):
                path.hardlink_to(file.name)
    return path.read_text()


SECRET_KEY = kept_secret("secret_key")

# Who may look. Beyond loopback never without a token: there it is made, and `manage.py up` prints the login URL.
LOOPBACK_HOSTS = ["127.0.0.1", "localhost", "::1"]
DASHBOARD_TOKEN = env.str("DASHBOARD_TOKEN", "")
if not DASHBOARD_TOKEN and DASHBOARD_HOST not in LOOPBACK_HOSTS:
    DASHBOARD_TOKEN = kept_secret("token")
DASHBOARD_PUBLIC_URL = env.str("DASHBOARD_PUBLIC_URL", "").rstrip("/")
_public = urlsplit(DASHBOARD_PUBLIC_URL)
FORCE_SCRIPT_NAME = _public.path or None
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", *env.list("DASHBOARD_ALLOWED_HOSTS", [])]
if _public.hostname:
    ALLOWED_HOSTS.append(_public.hostname)
if DASHBOARD_HOST not in LOOPBACK_HOSTS:
    # Which names lead here cannot be known. A name that is not ours but resolves to us (DNS rebinding) is what the
    # list is for; it gets nowhere without the token, whose cookie belongs to the name it was given under.
    ALLOWED_HOSTS = ["*"]
CSRF_TRUSTED_ORIGINS = [f"{_public.scheme}://{_public.netloc}"] if _public.netloc else []

# secure_delete: Debian's SQLite comes with it, and writes every freed page full of zeros, into the WAL first.
# cache_size is each connection's own: writer, correlator, every request. No mmap_size: with 64 MB of cache and 256 MB
# mapped, watching 10,000 claims took 425 MB, so 219; pages and ingest cost the same CPU either way (decision 0001).
# wal_autocheckpoint is a backstop (256 MB): a server puts its log of writes into its place beside the writer
# (collector.checkpoint), which in its own commits nobody would get an answer from for a tenth of a second.
SQLITE_INIT = """
PRAGMA journal_mode = WAL;
PRAGMA journal_size_limit = 67108864;
PRAGMA secure_delete = OFF;
PRAGMA synchronous = NORMAL;
PRAGMA cache_size = -16384;
PRAGMA wal_autocheckpoint = 64000;
"""


def made_to_shrink(path: Path) -> Path:
    """The SQLite file, which gives freed pages back if it is told so before its first page is written.

    Not in SQLITE_INIT: on a database in use that one PRAGMA waits, with every new connection, for whoever writes.
    """
    if not path.exists():
        path.touch(mode=0o600)  # telemetry is for its owner, also where the directory is not
        with closing(sqlite3.connect(path)) as new:
            new.executescript("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;")
    return path


def database() -> dict[str, Any]:
    """DATABASE_URL, else SQLite in the data directory."""
    url = env.str("DATABASE_URL", "")
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": made_to_shrink(DASHBOARD_DATA_DIR / "dashboard.sqlite3"),
            "OPTIONS": {"timeout": 5, "transaction_mode": "IMMEDIATE", "init_command": SQLITE_INIT},
        }
    try:
        parsed: dict[str, Any] = dict(dj_database_url.parse(url))
    except ValueError:
        parsed = {"ENGINE": ""}
    if parsed["ENGINE"] != "django.db.backends.postgresql":
        # Not quoted: there may be a password in it.
        raise EnvError("DATABASE_URL has to be like postgres://user:password@host/name; without it SQLite is used.")
    # Django opens a connection per request under ASGI whatever CONN_MAX_AGE says: hence psycopg's pool.
    parsed["OPTIONS"] = {**parsed.get("OPTIONS", {}), "pool": {"min_size": 1, "max_size": 16, "timeout": 5}}
    return parsed


DATABASES = {"default": database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

DEBUG = False
USE_TZ = True
STARTED_IN_TZ = os.environ.get("TZ", "")  # before Django puts TIME_ZONE in its place: whose log lines are read here
TIME_ZONE = "UTC"
USE_I18N = False

INSTALLED_APPS = [
    "django.contrib.staticfiles",
    "csp",
    "django_tasks",
    "django_tasks_db",
    "collector",
    "sandboxes",
    "dashboard",
]
# Runs of test sandboxes wait in the database for a worker.
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
MIDDLEWARE = [
    "dashboard.api.problems.ApiProblems",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.common.CommonMiddleware",
    "dashboard.access.TokenMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "dashboard.urls"
CSRF_FAILURE_VIEW = "dashboard.views.failed.form_refused"
ASGI_APPLICATION = "dashboard.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {"staticfiles": {"BACKEND": "dashboard.static_files.VersionedStorage"}}

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}
SECURE_REFERRER_POLICY = "same-origin"

CHANNEL_LAYERS: dict[str, Any] = {
    "default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [REDIS_URL]}}
    if REDIS_URL
    else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
}

# To the terminal: what somebody should look into. Requests are not logged one by one.
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"terminal": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["terminal"], "level": "WARNING"},
    "loggers": {"django": {"handlers": [], "level": "WARNING", "propagate": True}},
}
