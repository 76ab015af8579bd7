"""What the offline agent is measured against: the top in-app frame, and BM25 of the exception's text over all functions."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Any

from autofix.explorer.agents.offline import history
from autofix.explorer.agents.offline.evidence import CodeFile, gather, read
from autofix.explorer.agents.offline.python_code import Function
from autofix.explorer.workspace import Checkout, Commit
from autofix.hosts import Event, Issue

K1, B = 1.5, 0.75  # the usual constants of Okapi BM25
Result = dict[str, Any]


def top_frame(event: Event, issue: Issue, checkout: Checkout) -> Result:
    """The in-app frames from the failing one up; the commit and author of the failing line."""
    places = list(reversed(gather(event, issue, {checkout.name: checkout}).places))
    located = [_location(p.file, p.function_name, p.line, p.line) for p in places]
    commits = history.blame(places[0].file, places[0].line, places[0].line) if places else []
    return _result(located, commits[0] if commits else None)


def bm25(event: Event, issue: Issue, checkout: Checkout) -> Result:
    """The functions whose words are most like the exception's; the newest commit of the best one's lines."""
    raised = event.raised
    wanted = _words(f"{raised.type} {raised.value} {issue.title}" if raised else issue.title)
    functions = _functions(checkout)
    ranked = sorted(_scores(wanted, functions), key=lambda pair: -pair[0])[:10]
    located = [
        _location(f, n.qualname, n.node.lineno, n.node.end_lineno or n.node.lineno) for _, (f, n) in ranked
    ]
    if not ranked:
        return _result([], None)
    file, function = ranked[0][1]
    commits = history.blame(file, function.node.lineno, function.node.end_lineno or function.node.lineno)
    newest = max(commits, key=lambda commit: commit.committed_date, default=None)
    return _result(located, newest)


def _functions(checkout: Checkout) -> list[tuple[CodeFile, Function]]:
    files = [read(checkout, path) for path in checkout.pinned.paths if path.endswith(".py")]
    return [(file, function) for file in files if file and file.module for function in file.module.functions]


def _scores(
    wanted: list[str], functions: list[tuple[CodeFile, Function]]
) -> list[tuple[float, tuple[CodeFile, Function]]]:
    texts = [
        Counter(_words("\n".join(file.lines[f.node.lineno - 1 : f.node.end_lineno]))) for file, f in functions
    ]
    mean = sum(text.total() for text in texts) / max(len(texts), 1)
    scores = []
    for text, function in zip(texts, functions, strict=True):
        score = 0.0
        for word in set(wanted):
            holding = sum(1 for other in texts if word in other)
            rarity = math.log(1 + (len(texts) - holding + 0.5) / (holding + 0.5))
            count = text[word]
            score += rarity * count * (K1 + 1) / (count + K1 * (1 - B + B * text.total() / mean))
        scores.append((score, function))
    return scores


def _words(text: str) -> list[str]:
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+|\d+", text)]


def _location(file: CodeFile, function: str, start: int, end: int) -> Result:
    return {"path": file.path, "function": function, "start_line": start, "end_line": end}


def _result(located: list[Result], commit: Commit | None) -> Result:
    return {
        "verdict": "fixable",
        "locations": located,
        "suspect_commit": commit.sha if commit else None,
        "assignee_email": commit.author_email if commit else None,
        "diff": "",
    }
