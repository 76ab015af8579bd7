"""``python -m benchmarks.django_webhook_peer URL COUNT``: save so many reports, wait for their webhooks, say the seconds.

A worker must be running. Counted from the first task that the worker may take to the last event recorded as a success.
"""

from __future__ import annotations

import sys
import time

from benchmarks.django_webhook_peer.celery import app

TEXT = "y" * 1_780


def main(url: str, count: int) -> None:
    """Print how many seconds the deliveries took."""
    import django  # noqa: PLC0415 - after the settings are named

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415 - after django.setup()

    call_command("migrate", run_syncdb=True, verbosity=0)
    from django_webhook.models import Webhook, WebhookEvent, WebhookSecret, WebhookTopic  # noqa: PLC0415 - as above

    from benchmarks.django_webhook_peer.models import Report  # noqa: PLC0415 - as above

    topic, _ = WebhookTopic.objects.get_or_create(name="django_webhook_peer.Report/create")
    webhook = Webhook.objects.create(url=url)
    webhook.topics.set([topic])
    WebhookSecret.objects.create(webhook=webhook, token="x" * 32)
    for _ in range(count):
        Report.objects.create(text=TEXT)
    while not app.control.ping(timeout=1):
        pass  # the worker is still starting
    app.control.add_consumer("celery")
    began = time.monotonic()
    done = 0
    while done < count:
        time.sleep(0.02)
        done = WebhookEvent.objects.filter(status="SUCCESS").count()
        if time.monotonic() - began > 300:  # noqa: PLR2004 - it hangs
            sys.exit(f"{done} of {count} after 300 s")
    print(time.monotonic() - began)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
