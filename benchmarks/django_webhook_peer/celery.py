"""The worker's app: ``celery -A benchmarks.django_webhook_peer.celery worker``."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.django_webhook_peer.settings")
app = Celery("peer", broker=os.environ["CELERY_BROKER_URL"])
app.conf.broker_connection_retry_on_startup = True
app.conf.task_ignore_result = True
app.autodiscover_tasks(["django_webhook"])
app.set_default()
