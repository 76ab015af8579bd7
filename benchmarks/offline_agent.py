"""Score the offline agent on planted bugs: a folder of cases, each with a git history, the real event of its crash and tests.

    python -m benchmarks.offline_agent [FOLDER [--json]]          (default: ../shared/planted-bugs/public)

The folder's neighbour ``tools/`` holds the judge: it builds each repository and runs the tests on the patched program.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autofix.explorer.agents.offline import Investigation, investigate
from autofix.explorer.agents.offline.root_cause import root_cause
from autofix.explorer.agents.offline.rules import Plan
from autofix.explorer.workspace import Checkout, open_workspace, pin_repositories
from autofix.hosts import Event, Issue, RepositoryRef
from autofix.hosts.normalise import normalise_event
from benchmarks import offline_baselines

DEFAULT_CASES = Path(__file__).resolve().parents[2] / "shared" / "planted-bugs" / "public"


def main(arguments: list[str]) -> int:
    """Investigate every case, then let the judge print its table; with ``--json`` the agent's figures alone, as JSON."""
    folders = [argument for argument in arguments if argument != "--json"]
    cases = Path(folders[0]) if folders else DEFAULT_CASES
    tools = cases.resolve().parent / "tools"
    if not cases.is_dir() or not (tools / "score.py").is_file():
        print(f"No planted bugs at {cases}: the offline agent is not scored here.")
        return 0
    with tempfile.TemporaryDirectory() as box:
        folder = Path(box)
        os.environ["AUTOFIX_DATA_DIR"] = str(folder / "data")
        os.environ["AUTOFIX_SCM_LOCAL_ROOTS"] = str(folder / "repositories")
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        _investigate_all(cases, tools, folder)
        judge = [sys.executable, str(tools / "score.py"), str(cases)]
        if "--json" in arguments:
            return subprocess.call([*judge, str(folder / "agent"), "--json"])
        print("```text", flush=True)
        status = subprocess.call([*judge, str(folder / "agent")])
        print(_comparison({name: _totals(judge, folder / name) for name in ENGINES}))
        print("```")
        return status


def _investigate_all(cases: Path, tools: Path, folder: Path) -> None:
    """One result per case and engine, below ``folder``."""
    for case in sorted(path.parent for path in cases.glob("*/case.json")):
        for name, result in investigated(case, tools, folder / "repositories" / case.name).items():
            (folder / name).mkdir(exist_ok=True)
            (folder / name / f"{case.name}.json").write_text(json.dumps(result, indent=2), encoding="utf-8")


def _totals(judge: list[str], results: Path) -> dict[str, Any]:
    printed = subprocess.run([*judge, str(results), "--json"], check=True, capture_output=True, text=True)
    totals: dict[str, Any] = json.loads(printed.stdout)["totals"]
    return totals


def _comparison(totals: dict[str, dict[str, Any]]) -> str:
    """The engines side by side, a figure a line."""
    rows = [f"{'':22}" + "".join(f"{name:>12}" for name in totals)]
    for figure in FIGURES:
        cells = [totals[name][figure] for name in totals]
        rows.append(f"{figure:22}" + "".join(f"{cell['hits']:>8}/{cell['of']:<3}" for cell in cells))
    return "\n".join(rows)


def investigated(case: Path, tools: Path, built: Path) -> dict[str, dict[str, Any]]:
    """What each engine finds in one case, in the judge's form: verdict, ranked places, suspect, assignee, diff."""
    subprocess.run(
        [sys.executable, str(tools / "build.py"), str(case), str(built)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    about = json.loads((case / "case.json").read_text(encoding="utf-8"))
    event = normalise_event(json.loads((case / "event.json").read_text(encoding="utf-8")))
    repository = RepositoryRef(name=about["repo_name"], provider="local", url=(built / ".git").as_uri())
    title = f"{event.raised.type}: {event.raised.value}" if event.raised else "It crashed"
    issue = Issue(id="1", short_id="CASE-1", title=title, organization_id="1", project_id="1", times_seen=1)
    pins = pin_repositories([repository], event.release)
    with open_workspace(case.name, [repository], pins, []) as checkouts:
        return {name: engine(event, issue, checkouts[repository.name]) for name, engine in ENGINES.items()}


def agent(event: Event, issue: Issue, checkout: Checkout) -> dict[str, Any]:
    """The offline agent."""
    found = investigate(event, issue, {checkout.name: checkout})
    return {
        "verdict": found.verdict.assessment,
        "root_cause": root_cause(found).model_dump(mode="json"),
        "locations": [
            {"path": p.file.path, "function": p.function, "start_line": p.start_line, "end_line": p.end_line}
            for p in found.places
        ],
        "suspect_commit": found.suspect.commit.sha if found.suspect else None,
        "assignee_email": found.assignee.email if found.assignee else None,
        "diff": _diff(found, checkout),
    }


ENGINES: dict[str, Callable[[Event, Issue, Checkout], dict[str, Any]]] = {
    "agent": agent,
    "top frame": offline_baselines.top_frame,
    "bm25": offline_baselines.bm25,
}
FIGURES = (
    "verdict_hit",
    "file_top1",
    "function_top1",
    "suspect_commit_hit",
    "assignee_hit",
    "resolved",
    "wrong_patch",
)


def _diff(found: Investigation, checkout: Checkout) -> str:
    if found.edited is None or not isinstance(found.plan, Plan):
        return ""
    checkout.write(found.plan.file.path, found.edited)
    return checkout.patch(found.plan.file.path).diff


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
