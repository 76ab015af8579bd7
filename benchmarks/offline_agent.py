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
from pathlib import Path
from typing import Any

from autofix.explorer.agents.offline import Investigation, investigate
from autofix.explorer.agents.offline.root_cause import root_cause
from autofix.explorer.agents.offline.rules import Plan
from autofix.explorer.workspace import Checkout, open_workspace, pin_repositories
from autofix.hosts import Issue, RepositoryRef
from autofix.hosts.normalise import normalise_event

DEFAULT_CASES = Path(__file__).resolve().parents[2] / "shared" / "planted-bugs" / "public"


def main(arguments: list[str]) -> int:
    """Investigate every case, then let the judge print its table."""
    cases = Path(arguments[0]) if arguments else DEFAULT_CASES
    tools = cases.resolve().parent / "tools"
    if not cases.is_dir() or not (tools / "score.py").is_file():
        print(f"No planted bugs at {cases}: the offline agent is not scored here.")
        return 0
    with tempfile.TemporaryDirectory() as box:
        folder = Path(box)
        os.environ["AUTOFIX_DATA_DIR"] = str(folder / "data")
        os.environ["AUTOFIX_SCM_LOCAL_ROOTS"] = str(folder / "repositories")
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        results = folder / "results"
        results.mkdir()
        for case in sorted(path.parent for path in cases.glob("*/case.json")):
            result = investigated(case, tools, folder / "repositories" / case.name)
            (results / f"{case.name}.json").write_text(json.dumps(result, indent=2), encoding="utf-8")
        judge = [sys.executable, str(tools / "score.py"), str(cases), str(results), *arguments[1:]]
        return subprocess.call(judge)


def investigated(case: Path, tools: Path, built: Path) -> dict[str, Any]:
    """What the agent finds in one case, in the judge's form: verdict, ranked places, suspect, assignee, diff."""
    subprocess.run(
        [sys.executable, str(tools / "build.py"), str(case), str(built)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    about = json.loads((case / "case.json").read_text(encoding="utf-8"))
    event = normalise_event(json.loads((case / "event.json").read_text(encoding="utf-8")))
    repository = RepositoryRef(name=about["repo_name"], provider="local", url=(built / ".git").as_uri())
    issue = Issue(
        id="1", short_id="CASE-1", title=case.name, organization_id="1", project_id="1", times_seen=1
    )
    pins = pin_repositories([repository], event.release)
    with open_workspace(case.name, [repository], pins, []) as checkouts:
        found = investigate(event, issue, checkouts)
        return {
            "verdict": found.verdict.assessment,
            "root_cause": root_cause(found).model_dump(mode="json"),
            "locations": [
                {
                    "path": p.file.path,
                    "function": p.function,
                    "start_line": p.start_line,
                    "end_line": p.end_line,
                }
                for p in found.places
            ],
            "suspect_commit": found.suspect.commit.sha if found.suspect else None,
            "assignee_email": found.assignee.email if found.assignee else None,
            "diff": _diff(found, checkouts[repository.name]),
        }


def _diff(found: Investigation, checkout: Checkout) -> str:
    if found.edited is None or not isinstance(found.plan, Plan):
        return ""
    checkout.write(found.plan.file.path, found.edited)
    return checkout.patch(found.plan.file.path).diff


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
