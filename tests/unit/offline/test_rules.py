"""Each rule: it edits where the code shows the edit to be right, keeps the rest of the file, and otherwise keeps silent."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from autofix.explorer.agents.offline.rules import RULES, Abstain
from tests.unit.offline.world import edited, investigated

COUPONS = '''
    """Checkout."""

    COUPONS = {"NEWS5": {"percent": 5}}


    def find(code):
        """The coupon with this code, if there is one."""
        return COUPONS.get(code.upper())


    def discount(order,   total):  # odd spacing stays
        if not order["coupon"]:
            return 0
        coupon = find(order["coupon"])
        return total * coupon["percent"] // 100


    discount({"coupon": "gone"}, 1000)
'''


def test_a_lookup_is_guarded_as_the_missing_key_is(tmp_path: Path) -> None:
    """No coupon means 0 already; a coupon that is not found gets the same answer, right after the lookup."""
    code = COUPONS.replace('order["coupon"]', "order.coupon").replace(
        '{"coupon": "gone"}', 'type("Order", (), {"coupon": "gone"})'
    )
    after = edited(tmp_path, code)
    lookup = "    coupon = find(order.coupon)\n"
    assert after == dedent(code).lstrip().replace(
        lookup, f"{lookup}    if coupon is None:\n        return 0\n"
    )


def test_a_guard_that_a_commit_took_away_comes_back(tmp_path: Path) -> None:
    """Without a sibling guard, the commit that dropped the check of this name is evidence enough, and the suspect."""
    old = """
        BOOK = {}


        def price(name):
            item = BOOK.get(name)
            if item is None:
                return 0
            return item.price
    """
    new = """
        BOOK = {}


        def price(name):
            item = BOOK.get(name)
            return item.price + item.tax


        price("tea")
    """
    found = investigated(tmp_path, new, before=[old])
    assert "    if item is None:\n        return 0\n    return item.price + item.tax" in str(found.edited)
    assert found.suspect is not None
    assert found.suspect.commit.message.strip() == "Version 2"


def test_a_removed_guard_is_found_though_lines_moved_since(tmp_path: Path) -> None:
    """Later commits moved the function; line numbers of old commits are not those of the pin."""
    guarded = """
        def price(book, name):
            item = book.get(name)
            if not item:
                return None
            return item.price
    """
    without = guarded.replace("            if not item:\n                return None\n", "").replace(
        "item.price", "item.price * 2"
    )
    moved = "        LATER = 1\n" * 30 + without + '\n        price({}, "tea")\n'
    after = edited(tmp_path, moved, before=[guarded, without])
    assert after is not None
    assert "    if item is None:\n        return None\n    return item.price * 2" in after


@pytest.mark.parametrize(
    ("guard", "why"),
    [
        ("", "nothing says what no coupon means"),
        ("if not code: return 'guest'", "a text is no neutral value"),
        ("if not other: return 0", "the guard is of another key"),
        ("if not code: raise ValueError", "the guard raises"),
    ],
)
def test_a_lookup_without_evidence_is_left_alone(tmp_path: Path, guard: str, why: str) -> None:
    """A guard that only hides the crash is worse than none."""
    code = f"""
        def percent(book, code, other=1):
            {guard or "pass"}
            coupon = book.get(code)
            return coupon.percent


        percent({{}}, "gone")
    """
    found = investigated(tmp_path, code)
    assert found.edited is None, why
    assert isinstance(found.plan, Abstain)
    assert found.plan.code == "no_rule"


def test_a_loop_skips_nothing_in_silence(tmp_path: Path) -> None:
    """Passing over what is not known would give a wrong total."""
    code = """
        def total(book, codes):
            percent = 0
            for code in codes:
                if not code:
                    continue
                coupon = book.get(code)
                percent += coupon.percent
            return percent


        total({}, ["gone"])
    """
    assert edited(tmp_path, code) is None


def test_a_lookup_that_promises_a_result_is_left_alone(tmp_path: Path) -> None:
    """Its docstring knows of no missing coupon: then who calls it is not the one to mend."""
    code = COUPONS.replace("The coupon with this code, if there is one.", "The coupon with this code.")
    assert edited(tmp_path, code) is None


def test_a_name_that_is_set_twice_is_left_alone(tmp_path: Path) -> None:
    """A fallback after the lookup may fill in: a guard between the two would cut it off."""
    code = """
        def percent(book, code):
            if not code:
                return 0
            coupon = book.get(code)
            if coupon is None:
                coupon = book.get("default")
            return coupon.percent


        percent({}, "gone")
    """
    assert edited(tmp_path, code) is None


TICKET = """
    from dataclasses import dataclass


    @dataclass
    class Ticket:
        id: int
        owner: str | None
        due: str | None = None

        @classmethod
        def load(cls, raw):
            return cls(
                id=raw["id"],
                owner=raw.get("owner", {}).get("name"),
                due=raw["plan"]["due"],   # the promise
            )


    Ticket.load({"id": 1})
"""


def test_an_optional_key_is_read_as_its_siblings_are(tmp_path: Path) -> None:
    """The field may be None and another key of the same mapping is read with get; the comment beside it stays."""
    after = edited(tmp_path, TICKET)
    assert after == dedent(TICKET).lstrip().replace('raw["plan"]["due"]', 'raw.get("plan", {}).get("due")')


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("due: str | None = None", "due: str", "the field needs a value"),
        ("due: str | None = None", 'due: str | None = "soon"', "the field's default is a value of its own"),
        ('raw.get("owner", {}).get("name")', "None", "nothing says that keys may be absent"),
        ('due=raw["plan"]["due"]', 'due=raw["plan"]["due"].strip()', "the value is used before it is kept"),
    ],
)
def test_a_key_without_evidence_is_left_alone(tmp_path: Path, old: str, new: str, why: str) -> None:
    """Each part of the precondition is needed."""
    assert edited(tmp_path, TICKET.replace(old, new)) is None, why


def test_a_key_that_goes_by_another_name_is_left_alone(tmp_path: Path) -> None:
    """Reading None for a key that was renamed, or misspelt, would hide the mistake."""
    similar = TICKET.replace('Ticket.load({"id": 1})', 'Ticket.load({"id": 1, "plans": {"due": "soon"}})')
    assert edited(tmp_path / "similar", similar) is None
    sender = 'SENT = {"id": 1, "plan": {"due": "soon"}}\n'
    before = TICKET.replace('\n    Ticket.load({"id": 1})', "")
    moved = TICKET + "# the sender calls it an agreement\n"
    renamed = [before + f"    {sender}", before + f"    {sender.replace('plan', 'agreement')}"]
    assert edited(tmp_path / "renamed", moved, before=renamed) is None


ROWS = """
    def amount(row):
        return row["count"] * row["price"]


    def tax(row):
        return row["count"] * row["price"] / 5


    def rows():
        return [{"count": 1, "price": 2}]
"""
RENAMED = """
    def amount(row):
        return row["count"] * row["net_price"]


    def tax(row):
        return row["count"] * row["price"] / 5


    def rows():
        return [{"count": 1, "net_price": 2, "list_price": 3}]


    tax(rows()[0])
"""


def test_a_renamed_key_is_read_by_its_new_name(tmp_path: Path) -> None:
    """The commit that renamed it changed the very same expression elsewhere; that commit is the suspect."""
    found = investigated(tmp_path, RENAMED, before=[ROWS])
    assert 'row["count"] * row["net_price"] / 5' in str(found.edited)
    assert found.suspect is not None
    assert found.suspect.commit.message.strip() == "Version 2"


def test_a_key_that_was_never_renamed_is_left_alone(tmp_path: Path) -> None:
    """That a similar key is there is no evidence."""
    assert edited(tmp_path, RENAMED) is None


def test_tabs_stay_tabs(tmp_path: Path) -> None:
    """An inserted guard is indented as the file is."""
    code = 'def mean(values):\n\t"""The average; None without values."""\n\treturn sum(values) / len(values)\n\n\nmean([])\n'
    after = edited(tmp_path, code)
    assert after is not None
    assert "\n\tif not values:\n\t\treturn None\n\treturn sum" in after


def test_code_that_raises_in_a_library_is_left_alone(tmp_path: Path) -> None:
    """The failing line must be this one, not something that it calls."""
    code = """
        import textwrap


        def read(text):
            if not text:
                return 0
            found = {}.get(text)
            return textwrap.wrap(found), found.expandtabs()


        read("x")
    """
    assert edited(tmp_path, code) is None
    assert edited(tmp_path / "direct", code.replace("textwrap.wrap(found), ", "")) is not None


def test_every_rule_says_what_it_is() -> None:
    """Names are unique; each rule has a sentence for the documentation."""
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all(rule.summary and type(rule).__doc__ for rule in RULES)
