"""The panel's style sheets on a page that is not ours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[3] / "autofix" / "static" / "autofix"
FRAME = re.compile(r"@(?:media|container)[^{]*\{|@keyframes af-[\w-]+ \{[^}]*\}[^}]*\}|/\*.*?\*/", re.DOTALL)


def selectors(sheet: str) -> list[str]:
    """Every selector of the sheet, alternatives apart."""
    rules = re.findall(r"([^{}]+)\{[^{}]*\}", FRAME.sub("", sheet))
    # Commas inside of :is() and its like separate no selectors.
    return [part.strip() for rule in rules for part in re.split(r",(?![^(]*\))", rule)]


@pytest.mark.parametrize("name", ["autofix.css", "pages.css"])
def test_no_rule_reaches_out_of_the_panel(name: str) -> None:
    """Each selector begins with the panel's own class: whatever else is on a host's page keeps its looks."""
    found = selectors((FOLDER / name).read_text(encoding="utf-8"))
    assert len(found) > 20
    assert [
        selector for selector in found if not re.match(r"(?:\.autofix\b|body\.autofix-page)", selector)
    ] == []


@pytest.mark.parametrize("name", ["autofix.css", "pages.css"])
def test_nothing_is_fetched(name: str) -> None:
    """No font, picture or sheet from anywhere, so that the strictest policy of a host is enough."""
    sheet = (FOLDER / name).read_text(encoding="utf-8")
    assert not re.search(r"url\(|@import|@font-face", sheet)
