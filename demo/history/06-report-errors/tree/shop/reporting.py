"""Errors go to the issue tracker that SENTRY_DSN names, if it names one."""

import os


def report_errors() -> None:
    """Send unhandled exceptions from here on; the release comes from SENTRY_RELEASE."""
    if dsn := os.environ.get("SENTRY_DSN"):
        import sentry_sdk

        sentry_sdk.init(dsn=dsn, default_integrations=True, environment=os.environ.get("SHOP_ENVIRONMENT", "till"))
