"""PostgreSQL, Redis, and django-webhook's own defaults."""

import os
from urllib.parse import urlsplit

_url = urlsplit(os.environ["DATABASE_URL"])
SECRET_KEY = "benchmark"  # noqa: S105 - guards nothing
USE_TZ = True
INSTALLED_APPS = ["django_webhook", "benchmarks.django_webhook_peer"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _url.path.strip("/"),
        "USER": _url.username,
        "PASSWORD": _url.password or "",
        "HOST": _url.hostname,
        "PORT": _url.port or 5432,
        "CONN_MAX_AGE": 60,
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DJANGO_WEBHOOK = {"MODELS": ["django_webhook_peer.Report"]}
