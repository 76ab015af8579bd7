"""The rules for empty sequences and zero divisors: None or zero is given only where the program says so itself."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tests.unit.offline.world import edited

STATS = """
    from dataclasses import dataclass


    @dataclass
    class Summary:
        name: str
        median: int | None


    def middle(values):
        \"\"\"The value in the middle.\"\"\"
        ordered = sorted(values)
        return ordered[len(ordered) // 2]


    def summary(name, values):
        return Summary(name=name, median=middle(values))


    summary("tea", [])
"""


def test_an_empty_list_gives_none_where_every_caller_takes_none(tmp_path: Path) -> None:
    """All results go into a field that may be None."""
    after = edited(tmp_path, STATS)
    assert after is not None
    assert "    if not ordered:\n        return None\n    return ordered[len(ordered) // 2]" in after


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("median: int | None", "median: int", "the field needs a number"),
        ("def middle(values):", "def middle(values) -> int:", "the function promises a number"),
        ("\n    summary(", "\n    print(middle([1]))\n    summary(", "another caller may not take None"),
        ("\n    summary(", "\n    pick = middle\n    summary(", "the function is passed on"),
    ],
)
def test_an_empty_list_without_evidence_is_left_alone(tmp_path: Path, old: str, new: str, why: str) -> None:
    """None would only crash, or be printed, somewhere else."""
    assert edited(tmp_path, STATS.replace(old, new)) is None, why


def test_max_of_nothing_gets_a_default_where_the_field_takes_none(tmp_path: Path) -> None:
    """``max`` knows an answer for the empty case itself."""
    code = STATS.replace("middle(values))", "max(values))")
    after = edited(tmp_path, code)
    assert after == dedent(code).lstrip().replace("max(values)", "max(values, default=None)")


MEAN = '''
    def mean(values):
        """The average{documented}."""
        return sum(values) / len(values)


    {sibling}


    mean([])
'''


def test_a_documented_result_is_given(tmp_path: Path) -> None:
    """The docstring says what there is without values; the code now does as well."""
    after = edited(tmp_path, MEAN.format(documented="; 0.0 without values", sibling="pass"))
    assert after is not None
    assert "    if not values:\n        return 0.0\n    return sum(values) / len(values)" in after


def test_a_documented_result_of_something_else_is_not_given(tmp_path: Path) -> None:
    """The docstring speaks of another case than the one that happened."""
    assert edited(tmp_path, MEAN.format(documented="; 0.0 without a permit", sibling="pass")) is None


def test_a_sibling_function_shows_what_zero_gives(tmp_path: Path) -> None:
    """Another function of the module guards a division by the same thing."""
    sibling = "def share(part, values):\n        return part / len(values) if len(values) else 0.0"
    after = edited(tmp_path, MEAN.format(documented="", sibling=sibling))
    assert after is not None
    assert "    if not values:\n        return 0.0\n" in after


@pytest.mark.parametrize(
    "sibling", ["pass", "def share(part, whole):\n        return part / whole if whole else 0.0"]
)
def test_a_division_without_evidence_is_left_alone(tmp_path: Path, sibling: str) -> None:
    """What an average of nothing is, only the program can say."""
    assert edited(tmp_path, MEAN.format(documented="", sibling=sibling)) is None
