"""Programs whose right edit nobody can know from what is there."""

from __future__ import annotations

from textwrap import dedent

from tests.unit.offline.program import Program, changed
from tests.unit.offline.programs import CATALOGUE, MEAN, PLAIN_MAIL, POINT, PRICES, RECURSIVE, ROOM, STOCK
from tests.unit.offline.tiny_programs import MIXED, NO_NUMBER, NONE_SUM, ONE_BRANCH, OWN_NAME

LEFT_ALONE = (
    changed(
        "default_of_another_use",
        STOCK,
        ('counted += shelf.get("count", 0)', 'counted += abs(shelf["count"])'),
    ),
    changed(
        "guard_that_did_not_hold",
        MEAN.replace("if not marks:", "if len(marks) == 1:"),
        ("        if len(marks) == 1:\n            return None\n", ""),
    ),
    changed(
        "guard_that_gives_another_kind",
        MEAN.replace("return None", "return []"),
        ("        if not marks:\n            return []\n", ""),
    ),
    Program(
        "two_names_alike",
        dedent(POINT)
        .replace("longitude: float", "longitude: float\n    longitudes: tuple = ()")
        .replace("{point.longitude", "{point.longitud"),
    ),
    Program(
        "other_thing_than_the_name_like_it",
        dedent(POINT).replace("latitude", "max_speed").replace("{point.max_speed", "{point.min_speed"),
    ),
    changed("argument_that_nobody_has", PLAIN_MAIL, ("def greeting(name)", "def greeting(name, language)")),
    Program(
        "next_that_nobody_asks_about",
        dedent(ROOM)
        .replace("next((room", "next(room")
        .replace("people), None)", "people)")
        .replace(", None if there is none", "")
        .replace('    if room is None:\n        return "nowhere"\n', ""),
    ),
    Program("circle_without_former_memory", dedent(RECURSIVE)),
    Program("own_name_not_defined", dedent(OWN_NAME)),
    Program("number_that_is_none", dedent(NONE_SUM)),
    Program("text_among_numbers", dedent(MIXED)),
    Program("text_that_is_no_number", dedent(NO_NUMBER)),
    Program("local_of_one_branch", dedent(ONE_BRANCH)),
    changed(
        "field_that_was_exchanged",
        POINT,
        ("latitude: float", "northing: float"),
        ("self.latitude + by", "self.northing"),
    ),
    changed(
        "none_that_nobody_asks_about_any_more",
        MEAN.replace(
            "[mean(group) for group in groups]",
            "[0 if mean(group) is None else mean(group) for group in groups]",
        ),
        ("        if not marks:\n            return None\n", ""),
        (
            "[0 if mean(group) is None else mean(group) for group in groups]",
            "[mean(group) + 1 for group in groups]",
        ),
    ),
    changed(
        "one_of_many",
        CATALOGUE.replace('"title": title', '"titles": [title]').replace(
            "def listed(books)", "def listed(books, title=0)"
        ),
        ("RESULT", "KIND = 1\n    RESULT"),
    ),
    changed(
        "argument_that_one_other_call_passes",
        PRICES.replace(", rounded(two)", ""),
        ("def rounded(price)", "def rounded(price, digits)"),
        ("round(price, 2)", "round(price, digits)"),
        ("rounded(one)", "rounded(one, 2)"),
    ),
)
