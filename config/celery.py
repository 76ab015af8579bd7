"""The Celery app. Start a worker with ``celery -A config worker -B -P threads -c 4 -Q autofix,explorer``."""

import os
from typing import Any

from celery import Celery
from celery.signals import task_postrun, task_prerun, worker_init
from django.db import close_old_connections
from django.utils.module_loading import import_string
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
TRANSPORT_ALIASES["folder"] = "config.broker:Transport"
TRANSPORT_ALIASES["redis"] = "config.redis_broker:Transport"

app = Celery("config")
# A web server's threads have no current app of their own; without this they would publish to Celery's fallback app.
app.set_default()
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
def require_valid_settings(**_: Any) -> None:
    """Celery runs the system checks but looks at no answer; a worker with wrong settings ends here and says why."""
    import_string("autofix.checks.require_valid_settings")()


@task_prerun.connect
@task_postrun.connect
def keep_good_connections(**_: Any) -> None:
    """As between requests: a connection that is broken, or older than CONN_MAX_AGE, is closed, others serve the next task."""
    close_old_connections()
