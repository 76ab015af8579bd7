"""Settings of a site whose host brings tools of its own."""

from __future__ import annotations

from config import settings
from config.settings import *  # noqa: F403 - a settings module is its names

AUTOFIX = {
    **settings.AUTOFIX,
    "TOOLS": {name: f"tests.acceptance.llm_tools.{name}" for name in ("where", "where_awaited")},
}
