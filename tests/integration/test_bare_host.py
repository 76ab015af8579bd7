"""The example of a host is a project of its own: its tests run as it would run them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHARED = ("DATABASE_URL", "DJANGO_SETTINGS_MODULE", "AUTOFIX_DATA_DIR")


def test_the_examples_own_tests_pass(tmp_path: Path) -> None:
    """A model with UUIDs, no organizations, no reference tracker: the panel shows, starts, and keeps strangers out."""
    environment = {name: value for name, value in os.environ.items() if name not in SHARED}
    command = ["-m", "django", "test", "examples.bare_host", "--settings", "examples.bare_host.settings"]
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT, env=environment | {"BARE_HOST_DATA_DIR": str(tmp_path)}, capture_output=True, text=True,
        check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Ran 3 tests" in done.stderr
