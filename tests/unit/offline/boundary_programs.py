"""Programs that crash on what comes from outside: blank, undecodable, of another type, or not there."""

from __future__ import annotations

from tests.unit.offline.program import Program, changed

DUE = """
    from dataclasses import dataclass
    from datetime import date


    @dataclass
    class Task:
        title: str
        due: date | None = None


    def tasks(rows):
        return [Task(title=row["title"], due=date.fromisoformat(row["due"])) for row in rows]


    RESULT = [str(task.due) for task in tasks([{"title": "a", "due": "2026-03-02"}, {"title": "b", "due": ""}])]
"""
WEIGHT = '''
    from decimal import Decimal


    def grams(text):
        """The weight in grams; None if it is blank."""
        kilos = Decimal(text)
        return int(kilos * 1000)


    RESULT = [grams("1.5"), grams("")]
'''
SETTINGS = '''
    import json


    def options(text):
        """The stored options, {} when there is nothing."""
        return json.loads(text)


    def shown(text):
        return sorted(options(text))


    RESULT = [shown('{"b": 1, "a": 2}'), shown("")]
'''
PORT = """
    import os

    os.environ["SHOP_PAGES"] = "12"
    PAGES = os.environ.get("SHOP_PAGES", 5)


    def left(page):
        return PAGES - page


    RESULT = left(2)
"""
OPTION = """
    import argparse

    PARSER = argparse.ArgumentParser()
    PARSER.add_argument("--max-lines", default=3, help="how many")


    def cut(lines, arguments):
        args = PARSER.parse_args(arguments)
        if len(lines) > args.max_lines:
            return lines[:1]
        return lines


    RESULT = cut(["a", "b"], ["--max-lines", "5"])
"""
CELLS = """
    def total(rows):
        return sum(int(row["pieces"]) for row in rows)


    def enough(row, wanted):
        return row["pieces"] >= wanted


    RESULT = [total([{"pieces": "3"}]), enough({"pieces": "3"}, 2)]
"""
SCORES = """
    def best(rows):
        return max(row["score"] for row in rows)


    def mean(rows):
        scores = [row["score"] for row in rows if row["score"] is not None]
        return sum(scores) / len(scores)


    RESULT = best([{"score": 2}, {"score": None}, {"score": 5}])
"""
FIRST = """
    def first_free(desks):
        for desk in desks:
            if desk["free"]:
                found = desk
                break
        if found is None:
            return "none"
        return found["name"]


    RESULT = [first_free([{"free": True, "name": "d1"}]), first_free([])]
"""
LAST = '''
    def last_error(lines):
        """The last line of an error, None if there is none."""
        for line in lines:
            if line.startswith("E"):
                error = line
        return error


    RESULT = [last_error(["E1", "ok"]), last_error(["ok"])]
'''
WORDS = """
    def words(lines):
        for line in lines:
            if line:
                count += len(line.split())
        return count


    RESULT = words(["a b", "", "c"])
"""
CALLS = """
    CALLS = 1


    def called():
        CALLS += 1
        return CALLS


    RESULT = [called(), called()]
"""
NOTES = """
    import tempfile
    from pathlib import Path

    NOTES = Path(tempfile.mkdtemp()) / "notes.txt"


    def keep(text):
        NOTES.write_text(text, encoding="latin-1")


    def kept():
        return NOTES.read_text(encoding="utf-8")


    keep("caf\\u00e9")
    RESULT = kept()
"""
MARKED = """
    import json
    import tempfile
    from pathlib import Path

    CONFIG = Path(tempfile.mkdtemp()) / "config.json"
    CONFIG.write_bytes(b'\\xef\\xbb\\xbf{"name": "shop"}')


    def config(path):
        return json.loads(path.read_text(encoding="utf-8"))


    RESULT = config(CONFIG)["name"]
"""
AGE = '''
    def age(row):
        """The age that somebody gave."""
        try:
            return int(row["age"])  # years
        except ValueError:
            return None


    def shown(rows):
        return [age(row) for row in rows]


    RESULT = shown([{"age": "4"}, {"age": "n/a"}])
'''
FEEDS = '''
    import json


    class BadFeed(Exception):
        """It is no JSON."""


    def read(text):
        """Its items."""
        return json.loads(text)


    def merged(texts):
        items, bad = [], 0
        for text in texts:
            try:
                items += read(text)
            except json.JSONDecodeError:
                bad += 1
        return items, bad


    RESULT = merged(["[1]", "<html>"])
'''
NUMBERS = """
    def numbers(cells):
        kept = []
        for cell in cells:
            if cell:
                kept.append(int(cell))
        return kept


    RESULT = numbers(["1", "", "2"])
"""
NEWEST = '''
    def newest(rows):
        """The rows, newest first."""
        return sorted(rows, key=lambda row: row["at"], reverse=True)


    RESULT = [row["id"] for row in newest([{"id": 1, "at": 2}, {"id": 2, "at": 3}])]
'''
COUNTED = """
    def pieces(row):
        return int(row["count"]) + int(row["spare"])


    RESULT = pieces({"count": "2", "spare": "1"})
"""
TRIED = """        try:
            return int(row["age"])  # years
        except ValueError:
            return None
"""
UNTRIED = '        return int(row["age"])  # years\n'
SKIPPED = """            try:
                items += read(text)
            except json.JSONDecodeError:
                bad += 1
"""
LOOP = """        kept = []
        for cell in cells:
            if cell:
                kept.append(int(cell))
        return kept
"""
COLLECTED = "        return [int(cell) for cell in cells]\n"

MENDED = (
    Program("blank_date_of_a_field", DUE, result=["2026-03-02", "None"], rule="blank_text"),
    Program("blank_number_with_a_documented_result", WEIGHT, result=[1500, None], rule="blank_text"),
    Program("empty_json", SETTINGS, result=[["a", "b"], []], rule="blank_text"),
    Program("environment_variable_as_a_number", PORT, result=10, rule="text_for_number"),
    Program("option_without_a_type", OPTION, result=["a", "b"], rule="text_for_number"),
    Program("cell_that_is_converted_elsewhere", CELLS, result=[3, True], rule="text_for_number"),
    Program("none_among_scores", SCORES, result=5, rule="none_among_values"),
    Program("local_that_is_asked_for_none", FIRST, result=["d1", "none"], rule="unset_local"),
    Program("local_that_is_documented_none", LAST, result=["E1", None], rule="unset_local"),
    Program("sum_without_a_start", WORDS, result=3, rule="unset_local"),
    Program("counter_of_the_module", CALLS, result=[2, 3], rule="unset_local"),
    Program("file_that_is_written_as_latin_1", NOTES, result="café", rule="wrong_encoding"),
    Program("byte_order_mark", MARKED, result="shop", rule="wrong_encoding"),
    changed(
        "handler_of_this_function",
        AGE,
        (TRIED, UNTRIED),
        result=[4, None],
        rule="restored_handler",
    ),
    changed(
        "handler_of_a_caller",
        FEEDS,
        (SKIPPED, "            items += read(text)\n"),
        result=([1], 1),
        rule="restored_handler",
    ),
    changed(
        "condition_lost_on_the_way_to_a_comprehension",
        NUMBERS,
        (LOOP, COLLECTED),
        result=[1, 2],
        rule="restored_filter",
    ),
    changed(
        "key_of_a_sort",
        NEWEST,
        ('rows, key=lambda row: row["at"], reverse', "rows, reverse"),
        result=[2, 1],
        rule="restored_argument",
    ),
    changed(
        "conversion_of_a_cell",
        COUNTED,
        ('int(row["spare"])', 'row["spare"]'),
        result=3,
        rule="restored_default",
    ),
)

LEFT_ALONE = (
    Program("date_that_is_no_date", DUE.replace('"due": ""', '"due": "soon"')),
    Program("date_that_must_be_there", DUE.replace("date | None = None", "date")),
    Program("blank_without_a_meaning", WEIGHT.replace("; None if it is blank", "")),
    Program("meaning_of_another_case", SETTINGS.replace(", {} when there is nothing", "; [] for no rights")),
    Program("text_without_a_numeric_default", PORT.replace(", 5)", ', "5")')),
    Program("cell_that_nobody_converts", CELLS.replace('int(row["pieces"])', 'len(row["pieces"])')),
    Program(
        "text_that_is_put_together",
        CELLS.replace('row["pieces"] >= wanted', '"of " + row["pieces"] + wanted'),
    ),
    Program("scores_that_count_elsewhere", SCORES.replace(' if row["score"] is not None', "")),
    Program("order_with_none", SCORES.replace("max(", "sorted(").replace("[0]", "")),
    Program("local_of_a_caught_failure", FIRST.replace("if found is None", 'if found["name"] == ""')),
    Program(
        "sum_of_unknown_kind",
        WORDS.replace("len(line.split())", "line.weight").replace('"a b"', "type('L', (), {'weight': 2})()"),
    ),
    Program(
        "sum_of_each_group",
        WORDS.replace(
            "for line in lines:\n            if line:", "for line in lines:\n            for line in [line]:"
        ),
    ),
    Program(
        "file_of_another_name", NOTES.replace("NOTES.write_text", "(NOTES).with_name('notes.txt').write_text")
    ),
    Program(
        "bytes_of_unknown_origin",
        NOTES.replace('write_text(text, encoding="latin-1")', 'write_bytes(text.encode("latin-1"))'),
    ),
    changed(
        "handler_of_everything",
        AGE.replace("except ValueError", "except Exception"),
        (TRIED.replace("ValueError", "Exception"), UNTRIED),
    ),
    changed(
        "handler_of_another_failure",
        AGE.replace("except ValueError", "except KeyError"),
        (TRIED.replace("ValueError", "KeyError"), UNTRIED),
    ),
    changed(
        "condition_that_held",
        NUMBERS.replace("if cell:", "if cell is not None:"),
        (LOOP.replace("if cell:", "if cell is not None:"), COLLECTED),
    ),
    changed(
        "argument_that_answers_for_nothing",
        NEWEST,
        ('rows, key=lambda row: row["at"], reverse=True', 'rows, key=lambda row: row["when"]'),
    ),
)
