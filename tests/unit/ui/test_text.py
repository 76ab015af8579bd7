"""Text from outside, code in colour and diffs, as the panel shows them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.http import QueryDict
from hypothesis import given, settings
from hypothesis import strategies as st

from autofix.exceptions import FAILURE_CODES
from autofix.run_views import PatchView
from autofix.steps import STEPS, Action
from autofix.templatetags.autofix import autofix_prose
from autofix.ui import wording
from autofix.ui.diffs import FileDiff, file_diff
from autofix.ui.forms import as_object
from autofix.ui.highlighting import coloured
from autofix.ui.line_changes import marked_pair
from autofix.ui.text import cut, is_link, span, visible

DIFF = """diff --git a/a.py b/a.py
--- a/a.py
+++ b/a.py
@@ -1,3 +1,4 @@ def total():
 x = '''
-old
+new
+'''
 y = 1
"""


def text_of(diff: FileDiff, side: str) -> list[str]:
    lines = [line for _, groups in diff.hunks for group in groups for line in getattr(group, side)]
    return ["".join(piece.text for piece in line.code) for line in lines]


def patch(diff: str, path: str = "a.py") -> PatchView:
    return PatchView(path=path, type="M", added=1, removed=1, diff=diff)


class TestText:
    @pytest.mark.parametrize("hidden", ["\u202e", "\u2066", "\u200b", "\u00ad", "\ufeff", "\x1b", "\x00"])
    def test_what_hides_or_reorders_is_named(self, hidden: str) -> None:
        """A control character is shown by its number."""
        assert visible(f"a{hidden}b") == f"a⟨U+{ord(hidden):04X}⟩b"

    def test_scripts_and_emoji_stay_whole(self) -> None:
        """Joiners belong to what they join; right-to-left letters are letters."""
        for text in ("👩\u200d👩\u200d👧", "\u0646\u200c\u062e", "שלום", "a\tb\nc"):
            assert visible(text) == text

    def test_stacked_marks_are_kept_low(self) -> None:
        """Four marks on a letter are enough for every language."""
        assert visible("a" + "\u0301" * 500) == "a" + "\u0301" * 4

    def test_a_long_text_says_how_much_is_missing(self) -> None:
        """The beginning, and the number of characters left out."""
        assert cut("x" * 30, 10) == f"{'x' * 10} … (20 more characters)"

    @pytest.mark.parametrize(
        ("seconds", "words"),
        [(0.44, "0.4 s"), (12, "12 s"), (185, "3 min 5 s"), (7_805, "2 h 10 min"), (-1, "0.0 s")],
    )
    def test_how_long_it_took(self, seconds: float, words: str) -> None:
        """In the two largest units that tell something."""
        assert span(timedelta(seconds=seconds)) == words

    @given(st.text())
    def test_prose_is_escaped(self, text: str) -> None:
        """Whatever stands in it, no markup but our own comes out."""
        shown = autofix_prose(text).replace("<code>", "").replace("</code>", "")
        assert "<" not in shown
        assert ">" not in shown

    def test_prose_sets_code(self) -> None:
        """What stands between backticks; an odd backtick is one."""
        assert autofix_prose("use `a<b` here") == "use <code>a&lt;b</code> here"
        assert autofix_prose("5` long") == "5` long"

    @pytest.mark.parametrize(
        "url", ["javascript:alert(1)", "data:text/html,x", "//x", " https://x", "file:///x"]
    )
    def test_only_the_webs_schemes_are_links(self, url: str) -> None:
        """A pull request's address comes from outside."""
        assert not is_link(url)
        assert is_link("https://example.com/1")


class TestCode:
    @settings(deadline=None)
    @given(st.text(max_size=300))
    def test_colouring_changes_no_text(self, text: str) -> None:
        """The pieces of each line make the line."""
        lines = ["".join(piece.text for piece in line) for line in coloured(text, "a.py")]
        assert lines == visible(text).split("\n")

    def test_a_string_over_several_lines_is_one_string(self) -> None:
        """Each of its lines is coloured as a string, in the new file and in the old one."""
        right = [
            line
            for _, groups in file_diff("r", patch(DIFF)).hunks
            for group in groups
            for line in group.right
        ]
        assert [piece.kind for piece in right[1].code] == ["s"]

    def test_sides_of_a_diff(self) -> None:
        """Left is what was there, right is what is there now."""
        shown = file_diff("acme/shop", patch(DIFF))
        assert text_of(shown, "left") == ["x = '''", "old", "y = 1"]
        assert text_of(shown, "right") == ["x = '''", "new", "'''", "y = 1"]

    @pytest.mark.parametrize(
        ("old", "new", "gone", "come"),
        [
            ("total = price * 2", "total = price * 3", "2", "3"),
            ("total(price)", "total(price, tax)", "", ", tax"),
            ("if paid:", "if not paid:", "", "not "),
            ("import os", "def f(): pass", "", ""),
            ("    a", "        b", "", ""),
        ],
    )
    def test_what_changed_in_a_line_is_marked(self, old: str, new: str, gone: str, come: str) -> None:
        """What both versions begin and end with is not; lines that have little in common are left alone."""
        left, right = marked_pair(tuple(coloured(old, "a.py")[0]), tuple(coloured(new, "a.py")[0]))
        assert ("".join(piece.text for piece in left), "".join(piece.text for piece in right)) == (old, new)
        assert [piece.text for piece in left if "ch" in piece.kind.split()] == ([gone] if gone else [])
        marked = "".join(piece.text for piece in right if "ch" in piece.kind.split())
        assert marked == come

    @pytest.mark.parametrize(
        "diff", ["", "not a diff", "@@ -1 +1 @@\n-x\n+y\n", "--- a\n+++ b\n@@ -1,9 +1,9 @@\n-x\n"]
    )
    def test_what_is_no_diff_is_shown_raw(self, diff: str) -> None:
        """An agent's output that cannot be read is text, and no error."""
        shown = file_diff("acme/shop", patch(diff))
        assert shown.hunks == []
        assert len(shown.raw) == len(diff.splitlines())

    def test_a_very_long_change_is_cut(self) -> None:
        """The page shows its beginning and says so."""
        shown = file_diff("acme/shop", patch("+x\n" * 5_000))
        assert shown.is_cut
        assert len(shown.raw) == 2_000


class TestForms:
    def test_names_nest_and_blanks_are_absent(self) -> None:
        """Dots nest, numbers make lists in their order, brackets keep every value."""
        form = QueryDict("a=1&b=&p.type=x&p.id=2&r.10.name=c&r.2.name=b&s[]=&s[]=x&s[]=y&t[]=")
        assert as_object(form) == {
            "a": "1",
            "p": {"type": "x", "id": "2"},
            "r": [{"name": "b"}, {"name": "c"}],
            "s": ["x", "y"],
            "t": [],
        }

    @given(st.dictionaries(st.text(alphabet="ab.[]01", max_size=12), st.text(max_size=5), max_size=8))
    def test_no_form_breaks_it(self, fields: dict[str, str]) -> None:
        """Whatever the fields are called, an object comes out."""
        form = QueryDict(mutable=True)
        form.update(fields)
        assert isinstance(as_object(form), dict)


class TestWording:
    def test_advice_is_about_failures_that_there_are(self) -> None:
        """No advice outlives its code; a code without its own falls back to trying again."""
        assert set(wording.ADVICE) <= set(FAILURE_CODES)
        assert wording.NO_ADVICE

    def test_every_step_and_action_has_words(self) -> None:
        """Buttons for all of them."""
        assert set(wording.DEEDS) == {*STEPS, *Action}
