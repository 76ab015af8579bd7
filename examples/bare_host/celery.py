"""Its worker: python -m celery -A examples.bare_host worker -B."""

from celery import Celery

app = Celery("bare_host")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
