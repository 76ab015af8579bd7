"""Endpoints and deliveries, in and out. A secret is never among the fields: the view that makes one shows it once."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from autofix.delivery.errors import TargetRefused
from autofix.delivery.outbox import EVERYTHING
from autofix.delivery.targets import MAX_URL, check_on_saving
from autofix.models.webhooks import Attempt, Delivery, DeliveryStatus, Endpoint, EndpointFormat
from autofix.parsing import RequestSerializer
from autofix.webhooks import EVENT_TYPES


class EndpointRequest(RequestSerializer):
    """What can be said of an endpoint when it is created; with ``partial`` what can be changed."""

    url = serializers.CharField(max_length=MAX_URL)
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=[EVERYTHING, *EVENT_TYPES]), allow_empty=False, required=False
    )
    format = serializers.ChoiceField(choices=EndpointFormat.choices, required=False)
    ordered = serializers.BooleanField(required=False)

    def validate_url(self, url: str) -> str:
        try:
            check_on_saving(url)
        except TargetRefused as exc:
            raise serializers.ValidationError(exc.detail) from exc
        return url

    def validate_events(self, events: list[str]) -> list[str]:
        return list(dict.fromkeys(events))


class DeliveriesRequest(RequestSerializer):
    """Which deliveries are wanted; all when it says nothing."""

    type = serializers.ChoiceField(choices=EVENT_TYPES, required=False)
    status = serializers.ChoiceField(choices=DeliveryStatus.choices, required=False)


class RecoverRequest(RequestSerializer):
    """From when on undelivered events are wanted again."""

    since = serializers.DateTimeField()


class EndpointSerializer(serializers.ModelSerializer[Endpoint]):
    """An endpoint as anyone with access may see it."""

    class Meta:
        model = Endpoint
        fields = ["id", "url", "events", "format", "ordered", "status", "disabled_reason", "created_at"]
        read_only_fields = fields


class EndpointWithSecretSerializer(EndpointSerializer):
    """An endpoint and the secret that was made for it just now; the only time that it is shown."""

    secret = serializers.CharField(read_only=True)

    class Meta(EndpointSerializer.Meta):
        fields = [*EndpointSerializer.Meta.fields, "secret"]
        read_only_fields = fields


class AttemptSerializer(serializers.ModelSerializer[Attempt]):
    """One HTTP try; latency in milliseconds, at most the first 4 KiB of the response."""

    class Meta:
        model = Attempt
        fields = ["number", "response_status", "latency_ms", "response_excerpt", "error", "created_at"]
        read_only_fields = fields


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    """A delivery with its attempts; ``webhook_id`` is what the consumer saw."""

    webhook_id = serializers.CharField(source="event.public_id", read_only=True)
    type = serializers.CharField(source="event.type", read_only=True)
    run_id = serializers.IntegerField(source="event.run_id", read_only=True, allow_null=True)
    sequence = serializers.IntegerField(source="event.sequence", read_only=True, allow_null=True)
    attempts = AttemptSerializer(source="tries", many=True, read_only=True)

    class Meta:
        model = Delivery
        fields = [
            "id", "webhook_id", "type", "run_id", "sequence", "status", "next_attempt_at", "delivered_at", "last_error",
            "created_at", "attempts",
        ]  # fmt: skip
        read_only_fields = fields


class RecoveredSerializer(serializers.Serializer[Any]):
    """How many deliveries are under way again."""

    recovered = serializers.IntegerField()
