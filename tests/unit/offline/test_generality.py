"""The rules on programs of other shapes and words than those that they were written for."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from autofix.explorer.agents.offline.rules import Abstain
from tests.unit.offline import boundary_programs
from tests.unit.offline.mended_programs import MENDED
from tests.unit.offline.program import Program
from tests.unit.offline.programs_left_alone import LEFT_ALONE
from tests.unit.offline.world import investigated


@pytest.mark.parametrize("program", [*MENDED, *boundary_programs.MENDED], ids=lambda program: program.name)
def test_the_mended_program_gives_what_it_should(tmp_path: Path, program: Program) -> None:
    """The right rule plans the edit, and the edited program runs to its end with the right result."""
    found = investigated(tmp_path, program.code, before=program.before, more=program.more)
    assert not isinstance(found.plan, Abstain), found.plan
    assert found.plan.rule == program.rule
    assert found.edited is not None
    mended = tmp_path / "mended.py"
    mended.write_text(found.edited, encoding="utf-8")
    assert runpy.run_path(str(mended))["RESULT"] == program.result


@pytest.mark.parametrize(
    "program", [*LEFT_ALONE, *boundary_programs.LEFT_ALONE], ids=lambda program: program.name
)
def test_a_program_whose_right_edit_nobody_can_know_is_left_alone(tmp_path: Path, program: Program) -> None:
    """No edit is better than one that hides the crash or guesses."""
    found = investigated(tmp_path, program.code, before=program.before, more=program.more)
    assert found.edited is None, found.edited
    assert isinstance(found.plan, Abstain)
