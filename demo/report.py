"""What the demo prints. What the program or the agent says is printed as it is, never as markup."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from autofix.steps import STEPS, Step
from demo.processes import Children
from demo.program import BRANCH, Program, Ran, git
from demo.receiver import Received

COLOURS = {"completed": "green", "running": "yellow", "pending": "dim", "failed": "red", "cancelled": "red"}


class Report:
    """The demo's voice."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._shown: dict[int, str] = {}

    def busy(self, title: str) -> AbstractContextManager[object]:
        """Shows that something is going on (on a terminal only)."""
        return self.console.status(Text(f"{title} …"))

    def done(self, title: str, seconds: float) -> None:
        self.console.print(
            Text.assemble(("✓ ", "bold green"), (title, "bold"), (f"  {seconds:.1f} s", "dim"))
        )

    def crash(self, ran: Ran) -> None:
        self.console.print(Text(f"  {ran.last_error_line}", style="red"))

    def issue(self, issue: dict[str, Any]) -> None:
        self._panel("Issue", Text(f"{issue.get('short_id', issue['id'])}  {issue.get('title', '')}"))

    def progress(self, run: dict[str, Any]) -> None:
        """Prints each step's new status once."""
        for step in run["steps"]:
            if self._shown.get(step["sequence"]) != step["status"]:
                self._shown[step["sequence"]] = step["status"]
                title = STEPS[Step(step["step"])].title
                self.console.print(
                    Text.assemble(f"  {title:<20}", (step["status"], COLOURS.get(step["status"], "")))
                )

    def artifacts(self, artifacts: dict[str, Any]) -> None:
        for step, artifact in artifacts.items():
            if artifact:
                self._panel(STEPS[Step(step)].title, Text("\n".join(outline(artifact))))

    def diff(self, diff: str) -> None:
        self._panel("Code changes", Syntax(diff.rstrip(), "diff", background_color="default"))

    def pull_request(self, shop: Program, pull_request: dict[str, Any]) -> None:
        branch = pull_request["branch_name"]
        commits = git(shop.bare, "log", "--format=%h  %an  %s", f"{BRANCH}..{branch}", "--").rstrip()
        said = f"{pull_request['title']}\n{pull_request['pr_url']}\nbranch {branch} in {shop.bare}\n{commits}"
        self._panel(f"Pull request #{pull_request['pr_number']}", Text(said))

    def events(self, events: list[Received]) -> None:
        table = Table("sequence", "event", "signature", title="Webhooks received", title_justify="left")
        for event in events:
            table.add_row(str(event.sequence), event.type, "verified" if event.verified else "WRONG")
        self.console.print(table)

    def output(self, ran: Ran) -> None:
        self._panel("The receipt, printed on the branch", Text(ran.output.rstrip()))

    def timings(self, steps: list[dict[str, Any]], took: dict[str, float]) -> None:
        table = Table("what", "seconds", title="How long it took", title_justify="left")
        for title, seconds in took.items():
            table.add_row(title, f"{seconds:.2f}")
        table.add_section()
        for step in steps:
            table.add_row(f"step {step['step']}", f"{seconds_of(step):.2f}")
        self.console.print(table)

    def failed(self, reason: str, children: Children) -> None:
        """Which expectation failed, and the end of what the processes said."""
        for child in children:
            self._panel(f"the end of {child.name}.log", Text(child.tail()))
        self.console.print(Text.assemble(("✗ ", "bold red"), (reason, "bold")), soft_wrap=True)

    def _panel(self, title: str, content: Text | Syntax) -> None:
        self.console.print(Panel(content, title=title, title_align="left", border_style="dim"))


def outline(artifact: dict[str, Any], indent: str = "") -> list[str]:
    """An artifact as indented lines; empty parts are left out."""
    lines: list[str] = []
    for key, part in artifact.items():
        label = f"{indent}{key.replace('_', ' ')}:"
        if isinstance(part, list):
            lines += [label, *(f"{indent}  - {brief(item)}" for item in part)] if part else []
        elif isinstance(part, dict):
            lines += [label, *outline(part, f"{indent}  ")]
        elif part not in (None, ""):
            lines.append(f"{label} {part}")
    return lines


def brief(item: Any) -> str:
    """One item of a list: a citation as a place and its first line, other parts with their values side by side."""
    if not isinstance(item, dict):
        return str(item)
    if "quote" in item:
        place = f"{item['path']}:{item['start_line']}" if item["kind"] == "code" else item["pointer"]
        return f"{place}  {item['quote'].splitlines()[0]}"
    return ", ".join(str(part) for part in item.values() if part not in (None, ""))


def seconds_of(step: dict[str, Any]) -> float:
    """How long a step ran; 0 when it never ended."""
    if not (step["started_at"] and step["completed_at"]):
        return 0
    begun, ended = (datetime.fromisoformat(step[key]) for key in ("started_at", "completed_at"))
    return (ended - begun).total_seconds()
