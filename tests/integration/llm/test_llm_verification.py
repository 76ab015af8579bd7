"""The repository's own checks run in a sandbox, or not at all; what came of them is in the run and in the pull request."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from autofix import autofix_agent
from autofix.explorer import sandbox
from autofix.explorer.client import get_client
from autofix.hosts import Issue
from autofix.models import PullRequest, Repository, Run
from tests.integration.llm.conftest import Configure, Investigate
from tests.repositories import ANN, SHOP, Snapshot, bare_repository

pytestmark = pytest.mark.django_db(transaction=True)
PASSES = "from shop.cart import total\n\n\ndef test_unknown():\n    assert total({}, ['tea']) == 0\n"
FAILS = PASSES.replace("== 0", "== 1")
ESCAPES = """
import os, socket, pathlib
def test_box():
    for place in ("/etc/passwd", "/etc/shadow", "/var", "/srv"):
        assert not os.path.exists(place), place
    try:
        pathlib.Path("/usr/x").write_text("x")
    except OSError:
        pass
    else:
        raise AssertionError("wrote to the root")
    try:
        socket.create_connection(("127.0.0.1", %d), timeout=1)
    except OSError:
        pass
    else:
        raise AssertionError("reached the network")
    assert not [name for name in os.environ if "KEY" in name or "URL" in name]
    pathlib.Path("/code/left-behind").write_text("x")
"""
FULL = """
import pathlib, pytest
def test_full():
    with pytest.raises(OSError, match="No space left"):
        for n in range(200):
            pathlib.Path(f"/code/{n}").write_bytes(b"x" * 8_000_000)
"""
LOUD = "import os\ndef test_loud():\n    while True: os.write(os.dup(1), b'x' * 1_000_000)\n"
needs_bwrap = pytest.mark.skipif(
    not sandbox.available(), reason="bubblewrap is not here, or may not make a box"
)


def shop_with(issue: Issue, folder: Path, test: str) -> None:
    """Map the issue's project to a shop with this test."""
    files = {"tests/test_cart.py": test, "shop/__init__.py": "", "conftest.py": ""}
    repository = bare_repository(folder, [*SHOP, Snapshot(files, "Test it", ANN, 4)])
    Repository.objects.filter(project_id=issue.project_id).update(url=repository.url)


@pytest.fixture
def verify(settings: Settings, shop: Issue) -> None:
    """Verification is switched on."""
    settings.AUTOFIX = {**settings.AUTOFIX, "VERIFY": {"ENABLED": True, "TIMEOUT_S": 60, "MEMORY_MB": 1_024}}


@needs_bwrap
@pytest.mark.parametrize(("test", "said"), [(PASSES, "pytest passed"), (FAILS, "pytest failed")])
def test_the_repositorys_tests_run_on_the_change(
    investigate: Investigate, shop: Issue, verify: None, tmp_path: Path, test: str, said: str
) -> None:
    """The result is a block of the run and a sentence of the pull request."""
    shop_with(shop, tmp_path / "tested", test)
    run = investigate("open_pr")
    assert run.status == "completed", run.failure_detail
    last = get_client().state(run.session_id).blocks[-1]
    assert last.message.metadata["verification"].startswith(said), last.message.content
    assert said in PullRequest.objects.get(run=run).description


@needs_bwrap
@pytest.mark.parametrize(("rules", "said"), [("", "ruff passed"), ('select = ["INP"]\n', "ruff failed")])
def test_the_repositorys_linter_looks_at_what_was_changed(
    investigate: Investigate, shop: Issue, verify: None, tmp_path: Path, rules: str, said: str
) -> None:
    """A linter that the repository's files name runs on the changed files, before the tests do."""
    files = {
        "ruff.toml": f"[lint]\n{rules}",
        "tests/test_nothing.py": "def test_nothing(): pass\n",
        "bad.py": "import os\n",
    }
    repository = bare_repository(tmp_path / "linted", [*SHOP, Snapshot(files, "Lint it", ANN, 4)])
    Repository.objects.filter(project_id=shop.project_id).update(url=repository.url)
    run = investigate("open_pr")
    assert run.status == "completed", run.failure_detail
    description = PullRequest.objects.get(run=run).description
    assert said in description
    assert "pytest passed" in description


@needs_bwrap
def test_a_hostile_test_stays_in_its_box(
    investigate: Investigate, shop: Issue, verify: None, tmp_path: Path, settings: Settings
) -> None:
    """No network, nothing of ours to read, nothing to write but its own copy."""
    port = int(settings.AUTOFIX["EXPLORER"]["OPTIONS"]["LLM_BASE_URL"].split(":")[2].split("/")[0])
    shop_with(shop, tmp_path / "hostile", ESCAPES % port)
    run = investigate("open_pr")
    last = get_client().state(run.session_id).blocks[-1]
    assert last.message.metadata["verification"].startswith("pytest passed"), last.message.content
    assert not list(tmp_path.rglob("left-behind"))


@needs_bwrap
@pytest.mark.parametrize(
    ("test", "timeout_s", "said"),
    [
        pytest.param(
            "import time\ndef test_slow():\n    time.sleep(60)\n", 3, "it did not end in time", id="time"
        ),
        pytest.param("def test_big():\n    bytearray(3 * 1024 ** 3)\n", 60, "pytest failed", id="memory"),
        pytest.param(FULL, 60, "pytest passed", id="disk"),
        pytest.param(LOUD, 60, "Not verified by pytest: it ended with status", id="output"),
        pytest.param(
            "import nowhere\n", 60, "Not verified by pytest: it ended with status", id="cannot start"
        ),
    ],
)
def test_limits(
    investigate: Investigate,
    shop: Issue,
    settings: Settings,
    tmp_path: Path,
    test: str,
    timeout_s: int,
    said: str,
) -> None:
    """Time, memory and output are bounded; tests that cannot even start say nothing about the change."""
    settings.AUTOFIX = {
        **settings.AUTOFIX,
        "VERIFY": {"ENABLED": True, "TIMEOUT_S": timeout_s, "MEMORY_MB": 1_024},
    }
    shop_with(shop, tmp_path / "limits", test)
    run = investigate("code_changes")
    assert run.status == "completed", run.failure_detail
    assert said in get_client().state(run.session_id).blocks[-1].message.content


@needs_bwrap
@pytest.mark.parametrize(
    ("timeout_s", "said"), [(15, "it did not end in time"), (9, "the turn had no time left for it")]
)
def test_checks_take_no_longer_than_the_turn_has(
    investigate: Investigate, shop: Issue, settings: Settings, tmp_path: Path, timeout_s: int, said: str
) -> None:
    """A slow suite behind a long turn costs the verification, not the change."""
    settings.AUTOFIX = {
        **settings.AUTOFIX,
        "TURN": {"TIMEOUT_S": timeout_s},
        "VERIFY": {"ENABLED": True, "TIMEOUT_S": 300},
    }
    shop_with(shop, tmp_path / "slow", "import time\ndef test_slow():\n    time.sleep(600)\n")
    run = investigate("code_changes")
    assert run.status == "completed", run.failure_detail
    assert said in get_client().state(run.session_id).blocks[-1].message.content


@needs_bwrap
def test_cancelling_ends_the_checks(
    investigate: Investigate, shop: Issue, verify: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled while the repository's tests run: the box is gone within two seconds, and no word of it is in the run."""
    shop_with(shop, tmp_path / "endless", "import time\ndef test_endless():\n    time.sleep(600)\n")
    boxes: list[subprocess.Popen[bytes]] = []
    cancelled: list[float] = []
    settled = sandbox._settled

    def cancel(process: subprocess.Popen[bytes]) -> None:
        if not boxes:
            boxes.append(process)
            autofix_agent.cancel_run(shop, Run.objects.get().pk)
            cancelled.append(time.monotonic())
        settled(process)

    monkeypatch.setattr(sandbox, "_settled", cancel)
    run = investigate("open_pr")
    assert time.monotonic() - cancelled[0] <= 2
    assert run.status == "cancelled"
    assert [box.returncode for box in boxes] == [-signal.SIGKILL]
    blocks = get_client().state(run.session_id).blocks
    assert [block for block in blocks if "verification" in block.message.metadata] == []
    assert not PullRequest.objects.filter(run=run).exists()


def test_without_bubblewrap_nothing_runs(
    investigate: Investigate, verify: None, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pull request says that the change is not verified, and why."""
    monkeypatch.setattr(sandbox, "available", lambda: False)
    run = investigate("open_pr")
    assert "Not verified: bubblewrap" in PullRequest.objects.get(run=run).description
