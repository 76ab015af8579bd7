"""Programs that a rule mends, and what they should give then."""

from __future__ import annotations

from textwrap import dedent

from tests.unit.offline.program import Program, changed
from tests.unit.offline.programs import (
    AGES,
    CATALOGUE,
    FILES,
    FOLDER,
    LATEST,
    MAIL,
    MEAN,
    PLAIN_MAIL,
    POINT,
    PRICES,
    RECURSIVE,
    ROOM,
    SIZES,
    SPEED,
    STOCK,
    TRANSLATED,
)
from tests.unit.offline.tiny_programs import JSON_ROW

MENDED = (
    changed(
        "default_of_a_key",
        STOCK,
        ('shelf.get("count", 0)', 'shelf["count"]'),
        result=4,
        rule="restored_default",
    ),
    changed(
        "condition_of_a_division",
        SPEED,
        (" if hours else 0.0", ""),
        result=[5.0, 0.0],
        rule="restored_default",
    ),
    changed(
        "guard_some_lines_before",
        MEAN.replace("(sum(marks) - best) / len(marks)", "sum(marks) / len(marks) / best").replace(
            "max(marks)", "marks[-1]"
        ),
        ("        if not marks:\n            return None\n", ""),
        result=[4 / 2 / 3, None],
        rule="restored_guard",
    ),
    changed("start_of_a_local", LATEST, ("        found = None\n", ""), result=None, rule="restored_start"),
    changed(
        "misspelt_field",
        POINT,
        ("{point.longitude", "{point.longtitude"),
        result="2.0 2.0",
        rule="wrong_name",
    ),
    changed(
        "renamed_method",
        POINT,
        ("def shifted", "def moved_north"),
        result="2.0 2.0",
        rule="wrong_name",
    ),
    changed(
        "renamed_keyword",
        POINT.replace("Point(1.0, 2.0)", "Point(latitude=1.0, longitude=2.0)"),
        ("latitude: float", "north: float"),
        ("self.latitude", "self.north"),
        ("point.latitude", "point.north"),
        result="2.0 2.0",
        rule="wrong_name",
    ),
    changed(
        "argument_left_out",
        PLAIN_MAIL.replace("def letter(name)", "def letter(name, language)").replace(
            '("Ada")', '("Ada", "de")'
        ),
        ("def greeting(name)", "def greeting(name, language)"),
        TRANSLATED,
        result="Hallo Ada!",
        rule="changed_signature",
    ),
    changed(
        "argument_too_many",
        MAIL,
        ("def greeting(name, language)", "def greeting(name)"),
        (TRANSLATED[1], TRANSLATED[0]),
        result="Hello Ada!",
        rule="changed_signature",
    ),
    changed(
        "next_without_answer",
        ROOM,
        ("next((room", "next(room"),
        ("people), None)", "people)"),
        result=["Oak", "nowhere"],
        rule="unguarded_next",
    ),
    Program("walk_in_a_circle", dedent(RECURSIVE), (dedent(FOLDER),), ["b", "c"], "endless_recursion"),
    Program("module_not_imported", dedent(JSON_ROW), (), [1], "missing_import"),
    changed(
        "misspelt_local",
        MEAN,
        ("- best)", "- bset)"),
        ("[1, 3], []", "[1, 3]"),
        result=[0.5],
        rule="wrong_name",
    ),
    changed(
        "renamed_key_in_another_use",
        CATALOGUE,
        ('"title": title', '"heading": title'),
        ('sorted(books, key=lambda book: book["title"])', 'sorted(books, key=lambda book: book["heading"])'),
        ('[book["title"] for book', '[book["heading"] for book'),
        result=["A: a", "B: b"],
        rule="renamed_key",
    ),
    changed(
        "argument_that_every_other_call_passes",
        PRICES,
        ("def rounded(price)", "def rounded(price, digits)"),
        ("round(price, 2)", "round(price, digits)"),
        ("rounded(one)", "rounded(one, 2)"),
        ("rounded(two)", "rounded(two, 2)"),
        result=[1.23, 2.35, 3.58],
        rule="changed_signature",
    ),
    changed(
        "name_that_only_another_file_imports",
        "    from pathlib import Path\n\n\n" + FILES,
        ("    from pathlib import Path\n\n\n", ""),
        result="b.txt",
        rule="missing_import",
        more={"shop/other.py": "from pathlib import Path\n\nHERE = Path()\n"},
    ),
    changed(
        "skip_in_a_loop",
        SIZES,
        ("            if not size:\n                continue\n", ""),
        result=[2.0],
        rule="restored_guard",
    ),
    changed(
        "fallback_of_an_empty_text",
        AGES,
        ("int(row[1] or 0)", "int(row[1])"),
        result=7,
        rule="restored_default",
    ),
)
