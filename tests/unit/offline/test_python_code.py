"""Reading Python that is odd, huge or broken ends in a result, never in an error."""

from __future__ import annotations

import pytest

from autofix.explorer.agents.offline.python_code import assignments, parse


@pytest.mark.parametrize(
    "source",
    [
        "def f(:\n",
        "x = '\0'",
        "(" * 500,
        "x = " + "-" * 5_000 + "1",
        "x = " + " + ".join("1" * 3_000),
        "a" + ".b" * 2_000,
    ],
)
def test_what_cannot_be_read_is_none(source: str) -> None:
    """No syntax, or a tree too deep to walk."""
    assert parse(source) is None


def test_functions_have_qualified_names() -> None:
    """Methods, functions inside of functions, and the innermost one of a line."""
    module = parse("class A:\n    def f(self):\n        def g():\n            pass\n        return g\n")
    assert module is not None
    assert [function.qualname for function in module.functions] == ["A.f", "A.f.<locals>.g"]
    inner, outer = module.function_at(4), module.function_at(5)
    assert inner is not None
    assert outer is not None
    assert (inner.qualname, outer.qualname, outer.owner is not None) == ("A.f.<locals>.g", "A.f", True)
    assert module.function_at(1) is None


@pytest.mark.parametrize(
    "binding",
    [
        "x = 1", "x: int = 1", "x += 1", "(x, y) = 1, 2", "for x in y: pass", "with y as x: pass", "del x", "global x",
        "import x", "from y import z as x", "(x := 1)", "try: pass\n    except E as x: pass", "match y:\n        case x: pass",
    ],
)  # fmt: skip
def test_every_way_to_bind_a_name_counts(binding: str) -> None:
    """A rule that reasons about a name must know all that may change it."""
    module = parse(f"def f():\n    {binding}\n")
    assert module is not None
    assert len(assignments(module.functions[0], "x")) == 1
    assert assignments(module.functions[0], "q") == []
