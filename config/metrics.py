"""``/metrics`` for Prometheus, for whoever has METRICS_TOKEN; without that setting there is no such page.

What the database knows is the same whichever process answers; counters that a process keeps are those of the one that does.
"""

from __future__ import annotations

import hmac

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest

from autofix.explorer.metrics import ExplorerMetrics
from autofix.webhook_metrics import WebhookMetrics

FROM_THE_DATABASE = CollectorRegistry()
FROM_THE_DATABASE.register(WebhookMetrics())
FROM_THE_DATABASE.register(ExplorerMetrics())


@require_safe
def view(request: HttpRequest) -> HttpResponse:
    """The metrics; 404 to everyone without the token, as if there were nothing."""
    token = settings.METRICS_TOKEN
    given = request.headers.get("authorization", "")
    if not token or not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        raise Http404
    exposition = generate_latest(FROM_THE_DATABASE) + generate_latest(REGISTRY)
    return HttpResponse(exposition, content_type=CONTENT_TYPE_LATEST)
