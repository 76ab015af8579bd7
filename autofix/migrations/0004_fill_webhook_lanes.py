"""Deliveries that were recorded before know their run, too, and wait behind its earlier events."""

from typing import Any

from django.db import migrations
from django.db.models import Exists, OuterRef, Subquery


def fill(apps: Any, _schema_editor: Any) -> None:
    Delivery = apps.get_model("autofix", "Delivery")
    WebhookEvent = apps.get_model("autofix", "WebhookEvent")
    event = WebhookEvent.objects.filter(pk=OuterRef("event_id"))
    pending = Delivery.objects.filter(status="pending")
    pending.update(run_id=Subquery(event.values("run_id")), sequence=Subquery(event.values("sequence")))
    earlier = Delivery.objects.filter(
        endpoint_id=OuterRef("endpoint_id"),
        run_id=OuterRef("run_id"),
        status="pending",
        sequence__lt=OuterRef("sequence"),
    )
    waiting = pending.filter(Exists(earlier)).values_list("pk", flat=True)
    for pk in list(waiting):
        Delivery.objects.filter(pk=pk).update(next_attempt_at=None)


class Migration(migrations.Migration):

    dependencies = [
        ("autofix", "0003_webhook_lanes"),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
