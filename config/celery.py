"""The Celery app. Start a worker with ``celery -A config worker -B -P threads -c 4 -Q autofix,explorer``."""

import os

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
TRANSPORT_ALIASES["folder"] = "config.broker:Transport"

app = Celery("config")
# A web server's threads have no current app of their own; without this they would publish to Celery's fallback app.
app.set_default()
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
