"""Events as real SDKs send them, in the normal form."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from autofix.hosts.normalise import normalise_event


class Kept(Transport):
    """Keeps what the SDK would send."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[dict[str, Any]] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        event = envelope.get_event()
        if event is not None:
            self.sent.append(json.loads(json.dumps(event, default=str)))


def price(item: dict[str, Any] | None) -> float:
    """Fails for None, as planned."""
    return float(item["price"])  # type: ignore[index]  # the error that is wanted


def test_a_real_python_error() -> None:
    """What sentry_sdk reports has its chain, cause first, and locals, code and in-app marks on its frames."""
    transport = Kept()
    client = sentry_sdk.Client(
        dsn="http://key@127.0.0.1/1",
        transport=transport,
        release="shop@1.0",
        environment="test",
        auto_enabling_integrations=False,  # they import every library that the SDK knows
    )
    with sentry_sdk.new_scope() as scope:
        scope.set_client(client)
        scope.set_tag("till", 7)
        scope.add_breadcrumb(category="cart", message="added")
        try:
            try:
                price(None)
            except TypeError as cause:
                raise ValueError("no total") from cause
        except ValueError as error:
            scope.capture_event(*sentry_sdk.utils.event_from_exception(error, client_options=client.options))
    event = normalise_event(transport.sent[0])
    assert [e.type for e in event.exceptions] == ["TypeError", "ValueError"]
    frame = event.exceptions[0].raising_frame
    assert frame is not None
    assert (frame.function, frame.in_app, frame.variables) == ("price", True, {"item": "None"})
    assert frame.context_line is not None
    assert "item[" in frame.context_line
    assert frame.lineno == price.__code__.co_firstlineno + 2
    assert (event.release, event.environment, event.tags) == ("shop@1.0", "test", {"till": "7"})
    assert [crumb.message for crumb in event.breadcrumbs] == ["added"]
    assert event.timestamp is not None
    assert event.timestamp.tzinfo is UTC


NODE = {
    "event_id": "fc6d8c0c43fc4630ad850ee518f1b9d0", "platform": "node", "timestamp": 1_790_000_000.5, "level": "error",
    "sdk": {"name": "sentry.javascript.node", "version": "11.0.0"}, "server_name": "till-3", "release": "shop@2.1.0",
    "contexts": {"runtime": {"name": "node", "version": "v22.1.0"}, "trace": {"trace_id": "1" * 32}},
    "breadcrumbs": [{"timestamp": 1_789_999_999.1, "category": "console", "level": "log", "message": "start"}],
    "exception": {"values": [{
        "type": "TypeError", "value": "Cannot read properties of undefined (reading 'total')",
        "mechanism": {"type": "onuncaughtexception", "handled": False},
        "stacktrace": {"frames": [
            {"filename": "node:internal/modules/cjs/loader", "function": "Module._load", "in_app": False, "lineno": 1},
            {"filename": "/srv/shop/cart.js", "module": "cart", "function": "sum", "in_app": True, "lineno": 4,
             "colno": 12, "pre_context": ["function sum(cart) {"], "context_line": "  return cart.total;",
             "post_context": ["}"]},
            {"filename": "/srv/shop/node_modules/late/index.js", "function": "later", "in_app": False, "lineno": 9},
        ]},
    }]},
}  # fmt: skip


def test_a_node_error() -> None:
    """Numbers for times, breadcrumbs as a list, no locals; the raising frame is the program's own, not the library's."""
    event = normalise_event(NODE)
    assert event.timestamp == datetime.fromtimestamp(1_790_000_000.5, UTC)
    assert event.raised is not None
    frame = event.raised.raising_frame
    assert frame is not None
    assert (frame.function, frame.lineno, frame.pre_context) == ("sum", 4, ("function sum(cart) {",))
    assert (event.raised.handled, event.raised.mechanism) == (False, "onuncaughtexception")
    assert event.contexts["runtime"]["name"] == "node"
