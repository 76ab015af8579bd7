"""The suspected commit is the one that made it fail, not the newest, and not the one that only moved the line."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tests.unit.offline.program import Program, changed
from tests.unit.offline.world import investigated

MAIL = """
    class Person:
        def __init__(self, mail):
            self.mail = mail

        def label(self):
            return f"<{self.mail}>"


    def addresses(people):
        return [person.mail for person in people]


    RESULT = addresses([Person("ada@example.com")])
"""
PAIRS = """
    def pairs():
        return [("a", 1), ("b", 2)]


    def total():
        found = 0
        for name, value in pairs():
            found += value
        return found


    RESULT = total()
"""
PLANS = """
    PRICES = {"basic": 5, "gold": 9}


    def price(plan):
        if plan not in PRICES:
            raise ValueError(f"unknown plan {plan!r}")
        return PRICES[plan]


    RESULT = price("gold" if PRICES else "basic")
"""
OPENED = """
    import tempfile
    from pathlib import Path

    STORED = Path(tempfile.mkdtemp()) / "names.csv"
    STORED.write_bytes(b"Zo\\xeb")


    def names():
        with STORED.open(encoding="latin-1") as stored:
            return stored.read().split()


    RESULT = names()
"""


@pytest.mark.parametrize(
    "program",
    [
        changed("longer_name", MAIL, ("self.mail", "self.email")),
        changed("another_value", PAIRS, ('("a", 1), ("b", 2)', '("a", 1, "EUR"), ("b", 2, "EUR")')),
        changed("refused_value", PLANS, ('"gold": 9', '"plus": 9')),
        changed("other_encoding", OPENED, ('"latin-1"', '"utf-8"')),
    ],
    ids=lambda program: program.name,
)
def test_the_commit_that_made_it_fail_is_suspected(tmp_path: Path, program: Program) -> None:
    """The first text worked, the second made it fail, a third only added a line to it."""
    later = f"{program.code}\nLATER = 1\n"
    found = investigated(tmp_path, later, before=[*program.before, dedent(program.code)])
    assert found.suspect is not None
    assert found.suspect.commit.message.strip() == "Version 2"
