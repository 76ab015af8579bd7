"""The stand-alone project around autofix and its reference tracker. Knows all; nothing imports it."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
