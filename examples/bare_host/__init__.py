"""A bare Django project that embeds the autofix panel: its own issue model, its own adapter, one page."""

from examples.bare_host.celery import app

__all__ = ["app"]
