"""What the scripted agent says in these tests: small, valid, and with a change that fits the demo's program."""

from __future__ import annotations

import difflib
from typing import Any

from demo.program import REPOSITORY, Program, git

CHANGED_FILE = "shop/pricing.py"
CRASHING_LINE = "    return min(voucher.worth(basket.subtotal), basket.subtotal)\n"
GUARD = "    if voucher is None:\n        return 0\n"

ARTIFACTS: dict[str, dict[str, Any]] = {
    "root_cause": {
        "one_line_description": "A voucher that is no longer on offer is used as if it were.",
        "five_whys": ["discount() uses what find() returned without looking"],
        "reproduction_steps": ["Redeem MAY15"],
        "relevant_repo": REPOSITORY,
        "fixability": {"assessment": "fixable", "reason": "A guard in discount() is enough."},
        "evidence": [],
    },
    "solution": {
        "one_line_summary": "Take nothing off for an unknown voucher.",
        "steps": [{"title": "Guard discount()", "description": "Return 0 when find() found nothing."}],
    },
    "impact_assessment": {
        "one_line_description": "Customers with old vouchers cannot pay.",
        "impacts": [
            {
                "label": "Customers",
                "rating": "high",
                "impact_description": "No receipt",
                "evidence": "1 event",
            }
        ],
    },
    "triage": {"suspect_commit": None, "suggested_assignee": None},
}


def said(text: str) -> dict[str, Any]:
    """A block in which the agent says something."""
    return {"message": {"role": "assistant", "content": text}}


def found(step: str) -> dict[str, Any]:
    """A block with the step's artifact."""
    return said(f"The {step} is done.") | {
        "artifacts": [{"key": step, "data": ARTIFACTS[step], "reason": "scripted"}]
    }


def changed(program: Program) -> dict[str, Any]:
    """A block with the change that mends the program."""
    before = git(program.checkout, "show", f"HEAD:{CHANGED_FILE}")
    after = before.replace(CRASHING_LINE, GUARD + CRASHING_LINE)
    lines = difflib.unified_diff(
        before.splitlines(keepends=True),
        after.splitlines(keepends=True),
        f"a/{CHANGED_FILE}",
        f"b/{CHANGED_FILE}",
    )
    diff = f"diff --git a/{CHANGED_FILE} b/{CHANGED_FILE}\n" + "".join(lines)
    stat = {"path": CHANGED_FILE, "type": "M", "added": 2, "removed": 0}
    return said("Changed.") | {"file_patches": [{"repo_name": REPOSITORY, "diff": diff, "patch": stat}]}


def whole_run(program: Program, *, thoughts: int = 1) -> dict[str, list[dict[str, Any]]]:
    """Turns for all five steps; ``thoughts`` blocks come before each result."""
    results = {step: found(step) for step in ARTIFACTS} | {"code_changes": changed(program)}
    return {
        step: [{"blocks": [*(said(f"{step}, thought {n}") for n in range(thoughts)), result]}]
        for step, result in results.items()
    }


def hanging() -> dict[str, list[dict[str, Any]]]:
    """A root cause that is never found."""
    return {"root_cause": [{"blocks": [said("Hm.")], "end": "hang"}]}
