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


def luminance(colour: str) -> float:
    """WCAG's relative luminance of ``#rrggbb``."""
    parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_code_can_be_read_wherever_it_stands(scheme: int) -> None:
    """Each colour of code against each ground of lines: cited, added, removed, and what changed within them."""
    sheet = (FOLDER / "autofix.css").read_text(encoding="utf-8")
    pair = r"light-dark\((#\w{6}), (#\w{6})\)"
    inks = re.findall(rf"\.autofix i\.\w[^{{]*\{{ color: {pair}", sheet)
    inks += re.findall(rf"--af-(?:ink|quiet): {pair}", sheet)
    grounds = re.findall(rf"i\.ch \{{ background: {pair}", sheet)
    grounds += re.findall(rf"--af-(?:paper|raised|good-wash|bad-wash|warn-wash): {pair}", sheet)
    assert (len(inks), len(grounds)) == (7, 7)
    faint = {
        (ink[scheme], ground[scheme])
        for ink in inks
        for ground in grounds
        if contrast(ink[scheme], ground[scheme]) < 4.5
    }
    assert faint == set()


def contrast(one: str, other: str) -> float:
    """WCAG's ratio."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)
