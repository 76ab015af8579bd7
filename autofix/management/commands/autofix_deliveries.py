"""``manage.py autofix_deliveries``: what is under way, what is dead, and sending it again."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Count
from django.utils import timezone

from autofix import webhook_schemas
from autofix.delivery import claims, repeating
from autofix.models.webhooks import Delivery, DeliveryStatus


class Command(BaseCommand):
    """Shows the outbox; with options lists dead deliveries or sends some again."""

    help = "Webhook deliveries: how many there are, which ones are dead, and sending some again."

    def add_arguments(self, parser: CommandParser) -> None:
        """--dead, --replay and --schemas."""
        parser.add_argument("--dead", action="store_true", help="list dead deliveries with their last error")
        parser.add_argument(
            "--replay", nargs="+", type=int, metavar="ID", help="send these deliveries again now"
        )

        parser.add_argument(
            "--schemas", action="store_true", help="the JSON Schema of every event type's body"
        )

    def handle(
        self, *_args: Any, dead: bool, replay: list[int] | None, schemas: bool, **_options: Any
    ) -> None:
        """One of four: the schemas, replay, list the dead, or count."""
        if schemas:
            self.stdout.write(json.dumps(webhook_schemas.schemas(), indent=1, sort_keys=True))
        elif replay:
            self._replay(replay)
        elif dead:
            self._list_dead()
        else:
            self._count()

    def _replay(self, ids: list[int]) -> None:
        found = Delivery.objects.in_bulk(ids)
        missing = [str(pk) for pk in ids if pk not in found]
        if missing:
            raise CommandError(f"There is no delivery {', '.join(missing)}; none was sent again.")
        for delivery in found.values():
            repeating.replay(delivery)
        self.stdout.write(f"{len(found)} under way again")

    def _list_dead(self) -> None:
        rows = Delivery.objects.filter(status=DeliveryStatus.DEAD).select_related("event").order_by("pk")
        for row in rows.iterator():
            self.stdout.write(
                f"{row.pk}  endpoint {row.endpoint_id}  {row.event.type}  {row.event.public_id}  {row.last_error}"
            )

    def _count(self) -> None:
        counts = dict(Delivery.objects.values_list("status").annotate(Count("pk")).order_by())
        for status in DeliveryStatus.values:
            self.stdout.write(f"{status}: {counts.get(status, 0)}")
        now = timezone.now()
        oldest = claims.oldest_due(now)
        waiting = round((now - oldest).total_seconds()) if oldest else 0
        self.stdout.write(f"oldest due for {waiting} s")
