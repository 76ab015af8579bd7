"""Settings of the stand-alone project. Everything that differs between machines comes from environment variables."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from environ import Env

from config import autofix_settings, queues, secret_key

env = Env()
CHECKOUT = Path(__file__).resolve().parent.parent

# Database file, broker folders, mirrors and worktrees: everything that the project writes.
DATA_DIR = Path(env.str("AUTOFIX_DATA_DIR", default=str(CHECKOUT / "var"))).expanduser().resolve()
DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)

# --- Django ----------------------------------------------------------------------------------------------------------

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="") or secret_key.load_or_create(DATA_DIR / "secret_key")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.bool("SECURE_COOKIES", default=False)

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "tracker",  # before autofix, whose pages take the tracker's frame: templates/autofix/base.html
    "autofix.explorer",
    "autofix",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "config.security.content_security_policy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "tracker:login"

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)  # whitenoise warns about one that is not there
WHITENOISE_USE_FINDERS = True  # no collectstatic before the first page

# A backstop only: ingestion (1 MiB, decompressed) and the API (64 KiB) guard their own bodies while they read.
DATA_UPLOAD_MAX_MEMORY_SIZE = 20 * 1024 * 1024

# --- Database and cache ----------------------------------------------------------------------------------------------

# Immediate transactions: one that reads before it writes would else fail with "database is locked" beside a second writer.
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
}


def database(url: str) -> dict[str, Any]:
    """Django's settings for the database at this URL."""
    found: dict[str, Any] = dict(env.db_url_config(url))
    if found["ENGINE"] == "django.db.backends.sqlite3":
        found["OPTIONS"] = {**SQLITE_OPTIONS, **found.get("OPTIONS", {})}
        # A file, not memory: the tests' threads must see one database.
        found["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
    else:
        # Statements that come again and again are prepared; empty where a pooler (PgBouncer) hands transactions about.
        if threshold := env.str("DATABASE_PREPARE_THRESHOLD", default="2"):
            found["OPTIONS"] = {"prepare_threshold": int(threshold), **found.get("OPTIONS", {})}
        found |= {"CONN_MAX_AGE": env.int("CONN_MAX_AGE", default=60), "CONN_HEALTH_CHECKS": True}
    return found


DATABASES = {
    "default": database(env.str("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'autofix.sqlite3'}"))
}
CACHES = {"default": env.cache("CACHE_URL", default="locmemcache://")}

# --- Autofix ---------------------------------------------------------------------------------------------------------

AUTOFIX = autofix_settings.from_environment(env, DATA_DIR, SECRET_KEY)

# --- Tracker ---------------------------------------------------------------------------------------------------------

# How many requests the SDKs of one project may send per minute, unless the project says otherwise.
TRACKER_REQUESTS_PER_MINUTE = env.int("TRACKER_REQUESTS_PER_MINUTE", default=6_000)

# --- Metrics ---------------------------------------------------------------------------------------------------------

METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

# --- REST ------------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    # Every view names its own; these are for one that forgot.
    "DEFAULT_AUTHENTICATION_CLASSES": AUTOFIX["AUTHENTICATION_CLASSES"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "autofix",
    "DESCRIPTION": "Root cause, solution, code changes and a pull request for error issues.",
    "VERSION": "0",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    # Names for choices whose field names ("status", "type") are used more than once.
    "ENUM_NAME_OVERRIDES": {
        "EndpointStatusEnum": "autofix.models.webhooks.EndpointStatus",
        "PatchTypeEnum": ["A", "M", "D"],
    },
}

# --- Celery ----------------------------------------------------------------------------------------------------------


def seconds(name: str, default: int) -> int:
    """The variable as a whole number; the default where it is none: the system check of AUTOFIX reports it."""
    try:
        return int(env.str(name, default="") or default)
    except ValueError:
        return default


CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="folder://localhost")
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker waits for its broker, however long that is away
CELERY_BROKER_CONNECTION_TIMEOUT = queues.CONNECT_S
# A broker that was away hands its messages out again; the first copy's acknowledgement would be lost anyway.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# Celery would close the database's connections after every task; config.celery leaves that to Django's own rules.
CELERY_DB_REUSE_MAX = sys.maxsize
# Long turns have a queue of their own, so that they never delay hooks and deliveries.
CELERY_TASK_QUEUES = queues.queues(CELERY_BROKER_URL)
CELERY_TASK_DEFAULT_QUEUE = CELERY_TASK_DEFAULT_EXCHANGE = CELERY_TASK_DEFAULT_ROUTING_KEY = queues.SHORT
CELERY_TASK_DEFAULT_EXCHANGE_TYPE = "topic" if queues.is_rabbitmq(CELERY_BROKER_URL) else "direct"
CELERY_TASK_ROUTES = {"autofix.run_turn": {"queue": queues.LONG}}
# The turn ends itself at its own limit; these are for one that cannot. Half as much again, so that they never win a race.
_TURN_TIMEOUT_S = seconds("AUTOFIX_TURN_TIMEOUT_S", 900)
CELERY_TASK_TIME_LIMIT = int(_TURN_TIMEOUT_S * 1.5) + 60
CELERY_BEAT_SCHEDULE = {
    "sweep": {
        "task": "autofix.sweep",
        "schedule": seconds("AUTOFIX_SWEEP_S", 10),
        # A sweep that could not be sent in time is replaced by the next one instead of piling up behind a stopped worker.
        "options": {"expires": seconds("AUTOFIX_SWEEP_S", 10)},
    }
}
CELERY_BEAT_SCHEDULER = "config.beat:PatientScheduler"
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "beat-schedule")
CELERY_BROKER_TRANSPORT_OPTIONS = queues.transport_options(
    CELERY_BROKER_URL, DATA_DIR, CELERY_TASK_TIME_LIMIT
)
# In the folder its broadcasts would stay behind as files that nobody reads.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = not queues.is_folder(CELERY_BROKER_URL)

# --- Logging ---------------------------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": "config.logs.RedactingJsonFormatter",
            "fmt": "%(asctime)s %(levelname)s %(name)s %(message)s",
            "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger"},
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
    # Django's own handlers would write every record a second time, as plain text.
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
    },
}
