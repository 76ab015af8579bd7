"""Everything that such a project needs. Start it with DJANGO_SETTINGS_MODULE=examples.bare_host.settings."""

import base64
import hashlib
import os
from pathlib import Path

DATA_DIR = Path(os.environ.get("BARE_HOST_DATA_DIR", "var"))
SECRET_KEY = os.environ.get("SECRET_KEY", "only for looking at it")
DEBUG, USE_TZ, STATIC_URL, LOGIN_URL = True, True, "static/", "login"
ROOT_URLCONF, DEFAULT_AUTO_FIELD = "examples.bare_host.urls", "django.db.models.BigAutoField"
SQLITE = {"ENGINE": "django.db.backends.sqlite3", "NAME": DATA_DIR / "bare_host.sqlite3"}
DATABASES = {"default": {**SQLITE, "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20}}}
APPS = ["auth", "contenttypes", "sessions", "staticfiles"]
INSTALLED_APPS = [f"django.contrib.{app}" for app in APPS]
INSTALLED_APPS += ["rest_framework", "autofix.explorer", "autofix", "examples.bare_host"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
CONTEXT = {"context_processors": ["django.template.context_processors.request"]}
ENGINE = "django.template.backends.django.DjangoTemplates"
TEMPLATES = [{"BACKEND": ENGINE, "APP_DIRS": True, "OPTIONS": CONTEXT}]
KEY = base64.urlsafe_b64encode(hashlib.sha256(SECRET_KEY.encode()).digest()).decode()
AUTOFIX = {"HOST": "examples.bare_host.adapter.BugHost", "SECRET_KEYS": [KEY], "DATA_DIR": str(DATA_DIR)}
CELERY_BROKER_URL = "filesystem://"
FOLDERS = ["data_folder_in", "data_folder_out", "control_folder"]
CELERY_BROKER_TRANSPORT_OPTIONS = dict.fromkeys(FOLDERS, str(DATA_DIR / "queue"))
CELERY_BEAT_SCHEDULE = {"autofix": {"task": "autofix.sweep", "schedule": 10}}
