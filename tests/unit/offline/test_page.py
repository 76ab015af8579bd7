"""The page that lists the rules is what the rules say."""

from __future__ import annotations

import ast

import pytest

from autofix.explorer.agents.offline.rules import RESTORING, RULES, Rule
from autofix.explorer.agents.offline.rules.page import PLACE, page


def test_the_page_is_made_from_the_rules() -> None:
    """A rule that changes changes the page, and nobody forgets it."""
    assert PLACE.read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("rule", [*RULES, *RESTORING], ids=lambda rule: rule.name)
def test_every_rule_shows_what_it_does(rule: Rule) -> None:
    """Its example is Python, and its edit changes something."""
    assert f"### `{rule.name}`" in page()
    before, after = (ast.dump(ast.parse(_inside(text))) for text in (rule.before, rule.after))
    assert before != after


def _inside(text: str) -> str:
    """The example as the body of a function, where it may return."""
    return "def example():\n" + "\n".join(f"    {line}" for line in text.splitlines())
