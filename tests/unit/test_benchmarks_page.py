"""The page of benchmarks: what was measured anew is replaced, and nothing else."""

from __future__ import annotations

from benchmarks.__main__ import BENCHMARKS, heading, merged

TOP = "# Benchmarks\n\nHow to read it."


def test_other_sections_stay() -> None:
    """One benchmark alone changes its own section; a section that no benchmark knows is kept, too."""
    first, second = list(BENCHMARKS)[:2]
    page = merged(TOP, {heading(first): "1", heading(second): "### Table\n\n2", "By hand": "3"})
    assert merged(page, {}) == page
    assert merged(page, {heading(second): "new"}) == page.replace("### Table\n\n2", "new")


def test_sections_are_in_the_order_of_the_benchmarks() -> None:
    """Whichever ran first."""
    first, second = list(BENCHMARKS)[:2]
    page = merged(merged(TOP, {heading(second): "2"}), {heading(first): "1"})
    assert page == f"{TOP}\n\n## {heading(first)}\n\n1\n\n## {heading(second)}\n\n2\n"
