"""The page that lists the rules, made from them: ``python -m autofix.explorer.agents.offline.rules.page``."""

from __future__ import annotations

from inspect import cleandoc
from pathlib import Path

from autofix.explorer.agents.offline.rules import INFERRING, RESTORING, RULES, Rule

PLACE = Path(__file__).parents[5] / "docs" / "reference" / "offline-rules.md"
HEAD = """# The offline agent's rules

Made from the rules themselves by `python -m autofix.explorer.agents.offline.rules.page`; edit them, not this page.

Each rule recognises one kind of mistake, and plans one edit where the code, its history and the event show that edit to be
right. Otherwise it abstains, and the result says so. Where two rules plan different edits, none is made.
"""
RESTORED = """## What a commit took away

These are asked for any exception, where none of the rules above has a plan.
"""

INFERRED = """## What the code around it shows

These are asked last, where the history has no answer.
"""


def page() -> str:
    """The page's text."""
    parts = [
        HEAD,
        *map(_section, RULES),
        RESTORED,
        *map(_section, RESTORING),
        INFERRED,
        *map(_section, INFERRING),
    ]
    return "\n".join(parts)


def _section(rule: Rule) -> str:
    said = cleandoc(type(rule).__doc__ or "").replace("``", "`")
    summary = f"{rule.summary[0].upper()}{rule.summary[1:]}."
    example = f"```python\n# before\n{rule.before}\n\n# after\n{rule.after}\n```"
    return f"### `{rule.name}`\n\n{summary}\n\n{said}\n\n{example}\n"


if __name__ == "__main__":
    PLACE.write_text(page(), encoding="utf-8")
