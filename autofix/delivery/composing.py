"""What one attempt sends: the body in the endpoint's format, with the headers that go with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from autofix import secrets
from autofix.delivery import bodies, signing
from autofix.delivery.claims import Claimed
from autofix.models.webhooks import Endpoint, EndpointFormat


@dataclass(frozen=True)
class Request:
    """A POST, ready to be sent."""

    url: str
    body: bytes = field(repr=False)
    headers: dict[str, str] = field(repr=False)


def compose(delivery: Claimed, now: datetime) -> Request:
    """The request of this delivery, signed at ``now``; Misconfigured when the secret cannot be read."""
    endpoint = delivery.endpoint
    timestamp = int(now.timestamp())
    signing_secrets = _secrets(endpoint, now)
    if endpoint.format == EndpointFormat.SENTRY:
        body = bodies.encode(bodies.sentry(delivery.body, str(endpoint.uuid)))
        headers = signing.sentry_headers(
            delivery.public_id.removeprefix("evt_"),
            timestamp=timestamp,
            body=body,
            # One signature has room: while rotating, the attempts take turns, so that a consumer that has only one of the
            # secrets, old or new, takes the first attempt or the second.
            secret=signing_secrets[(delivery.fence - 1) % len(signing_secrets)],
        )
    else:
        body = bodies.encode(delivery.body)
        headers = signing.standard_headers(
            delivery.public_id,
            timestamp=timestamp,
            attempt=delivery.fence,
            body=body,
            secrets=signing_secrets,
        )
    return Request(endpoint.url, body, headers)


def _secrets(endpoint: Endpoint, now: datetime) -> list[str]:
    """The secrets that sign now, newest first."""
    stored = [endpoint.secret]
    if endpoint.previous_secret and endpoint.previous_secret_until and now < endpoint.previous_secret_until:
        stored.append(endpoint.previous_secret)
    return [secrets.decrypt(one) for one in stored]
