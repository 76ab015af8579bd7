"""What can be wrong with an endpoint."""

from __future__ import annotations

from autofix.exceptions import AutofixError, RequestRefused


class TargetRefused(AutofixError):
    """Webhooks must not go to this URL."""

    code = "target_refused"


class TargetUnknown(AutofixError):
    """The host's name does not resolve."""

    code = "target_unknown"


class EndpointIsDisabled(RequestRefused):
    """The endpoint is disabled; enable it first."""

    code = "endpoint_disabled"
    status = 409


class TooManyEndpoints(RequestRefused):
    """The organization has as many webhook endpoints as it may have; delete one first."""

    code = "too_many_endpoints"
    status = 409
