"""Everything that such a project needs. Start it with DJANGO_SETTINGS_MODULE=examples.bare_host.settings."""

import base64
import hashlib
import os
from pathlib import Path

DATA_DIR = Path(os.environ.get("BARE_HOST_DATA_DIR", "var"))
SECRET_KEY = os.environ.get("SECRET_KEY", "only for looking at it")
DEBUG, USE_TZ, STATIC_URL = True, True, "static/"
ROOT_URLCONF = "examples.bare_host.urls"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3", "NAME": DATA_DIR / "bare_host.sqlite3",
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20},
    }
}  # fmt: skip
INSTALLED_APPS = [
    "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.staticfiles",
    "rest_framework", "autofix.explorer", "autofix", "examples.bare_host",
]  # fmt: skip
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
CONTEXT = ["django.template.context_processors.request"]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": CONTEXT},
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTOFIX = {
    "HOST": "examples.bare_host.adapter.BugHost",
    "SECRET_KEYS": [base64.urlsafe_b64encode(hashlib.sha256(SECRET_KEY.encode()).digest()).decode()],
    "DATA_DIR": str(DATA_DIR),
}
