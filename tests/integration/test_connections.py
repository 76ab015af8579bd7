"""How long a process keeps its connections to the database."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

KEPT = "from django.conf import settings; print(settings.DATABASES['default']['CONN_MAX_AGE'])"


@pytest.mark.parametrize(
    ("module", "asked", "kept"),
    [("config.asgi", {}, "0"), ("config.asgi", {"CONN_MAX_AGE": "5"}, "5"), ("config.celery", {}, "60")],
    ids=["web server", "as the operator says", "worker"],
)
def test_the_web_server_keeps_none(module: str, asked: dict[str, str], kept: str, tmp_path: Path) -> None:
    """Its requests have threads of their own, so that kept connections would only pile up; workers keep theirs."""
    own = {"DJANGO_SETTINGS_MODULE": "config.settings", "AUTOFIX_DATA_DIR": str(tmp_path)}
    given = {name: value for name, value in os.environ.items() if name != "CONN_MAX_AGE"}
    told = subprocess.run(
        [sys.executable, "-c", f"import {module}; {KEPT}"],
        cwd=Path(__file__).parents[2],
        env={**given, **own, "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", **asked},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.split()[-1] == kept
