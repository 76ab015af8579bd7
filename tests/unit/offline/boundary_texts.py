"""The texts of programs that take something from outside, and pieces of them."""

from __future__ import annotations

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
