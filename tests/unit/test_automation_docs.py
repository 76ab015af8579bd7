"""The page about automation says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from autofix import fixability
from autofix.fixability import BANDS, NEVER, START_AT
from autofix.models import DecisionReason

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "automation.md").read_text(encoding="utf-8")


def table(first_header: str) -> list[tuple[str, str]]:
    """The rows of the two-column table whose first column is headed so."""
    lines = PAGE.partition(f"| {first_header} |")[2].splitlines()[2:]
    rows: list[tuple[str, str]] = []
    for line in lines:
        found = re.fullmatch(r"\| (.+?) \| (.+) \|", line)
        if found is None:
            break
        rows.append((found[1].strip("`"), found[2]))
    return rows


def test_the_reasons_are_those_of_the_code() -> None:
    """Each reason is documented once, in the code's own sentence and order."""
    assert table("reason") == [(str(value), str(label)) for value, label in DecisionReason.choices]


def test_the_tunings_are_those_of_the_code() -> None:
    """Each tuning starts where the page says."""
    shown = [(word, "never" if at == NEVER else f"{at:.2f}") for word, at in START_AT.items()]
    assert table("tuning") == shown


def test_the_bands_are_those_of_the_code() -> None:
    """The page's first rows are the bands, highest first."""
    assert table("score from")[: len(BANDS)] == [(f"{edge:.2f}", f"`{point}`") for edge, point in BANDS]


def test_the_weights_are_those_of_the_code() -> None:
    """Each weight of the score is on the page, with its value."""
    weights = [
        fixability.START,
        fixability.IN_APP_LINE,
        fixability.SOURCE_SHOWN,
        fixability.LOCALS,
        fixability.PYTHON,
        fixability.PROGRAMMING_ERROR,
        fixability.UNEXPECTED_VALUE,
        fixability.INFRASTRUCTURE,
        fixability.NOT_A_CRASH,
    ]
    assert [float(shown.replace("−", "-")) for shown, _ in table("weight")] == weights  # noqa: RUF001  # a minus sign
