"""Signatures: checked with the official package, and with the algorithm that Sentry documents for consumers."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from autofix import __version__
from autofix.delivery.signing import sentry_headers, standard_headers
from autofix.secrets import new_webhook_secret

BODY = '{"type":"autofix.ping","data":{"text":"Grüße"}}'.encode()


def now() -> int:
    """Seconds since 1970: the official package refuses old messages."""
    return int(datetime.now(UTC).timestamp())


def headers(*secrets: str, body: bytes = BODY) -> dict[str, str]:
    """Headers as they are sent."""
    return standard_headers("evt_1", timestamp=now(), attempt=3, body=body, secrets=secrets)


class TestStandard:
    def test_official_package_believes_it(self) -> None:
        """A consumer with the official package and our secret accepts the message."""
        secret = new_webhook_secret()
        assert Webhook(secret).verify(BODY.decode(), headers(secret))["type"] == "autofix.ping"

    def test_another_secret_is_not_believed(self) -> None:
        """The signature depends on the secret."""
        with pytest.raises(WebhookVerificationError):
            Webhook(new_webhook_secret()).verify(BODY.decode(), headers(new_webhook_secret()))

    def test_both_secrets_sign_while_rotating(self) -> None:
        """While two secrets are active, consumers with the old one and with the new one both accept."""
        new, old = new_webhook_secret(), new_webhook_secret()
        sent = headers(new, old)
        assert len(sent["webhook-signature"].split(" ")) == 2
        assert Webhook(new).verify(BODY.decode(), sent) == Webhook(old).verify(BODY.decode(), sent)

    def test_headers_are_exactly_these(self) -> None:
        """No header more, none less; the attempt is told."""
        sent = headers(new_webhook_secret())
        assert set(sent) == {
            "webhook-id", "webhook-timestamp", "webhook-signature", "webhook-attempt", "content-type", "user-agent",
        }  # fmt: skip
        assert sent["webhook-attempt"] == "3"
        assert sent["content-type"] == "application/json"
        assert sent["user-agent"] == f"autofix/{__version__}"

    @given(st.binary(max_size=200), st.binary(min_size=1, max_size=20))
    def test_changed_bodies_are_signed_differently(self, body: bytes, extra: bytes) -> None:
        """Whatever is appended to a body changes its signature."""
        secret = new_webhook_secret()
        one, other = (
            standard_headers("evt_1", timestamp=1, attempt=1, body=b, secrets=[secret])
            for b in (body, body + extra)
        )
        assert one["webhook-signature"] != other["webhook-signature"]

    def test_secrets_are_32_random_bytes(self) -> None:
        """Secrets have the prescribed form and do not repeat."""
        made = {new_webhook_secret() for _ in range(20)}
        assert len(made) == 20
        assert all(secret.startswith("whsec_") and len(secret) == len("whsec_") + 44 for secret in made)


class TestSentry:
    def test_documented_algorithm_believes_it(self) -> None:
        """The hex HMAC over the JSON that a consumer writes again from what it parsed, as Sentry documents it."""
        sent = sentry_headers("abc", timestamp=1_700_000_000, body=BODY, secret="s3cret")
        rewritten = json.dumps(json.loads(BODY), separators=(",", ":"), ensure_ascii=False)
        expected = hmac.new(b"s3cret", rewritten.encode(), hashlib.sha256).hexdigest()
        assert hmac.compare_digest(sent["Sentry-Hook-Signature"], expected)

    def test_headers_are_exactly_these(self) -> None:
        """Names and values as Sentry writes them."""
        sent = sentry_headers("abc", timestamp=1_700_000_000, body=BODY, secret="s3cret")
        signature = sent.pop("Sentry-Hook-Signature")
        assert len(signature) == 64
        assert sent == {
            "content-type": "application/json",
            "user-agent": f"autofix/{__version__}",
            "Request-ID": "abc",
            "Sentry-Hook-Resource": "seer",
            "Sentry-Hook-Timestamp": "1700000000",
        }
