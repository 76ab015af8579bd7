"""The texts of programs that a commit changed for the worse, and that are easily changed for the worse again."""

from __future__ import annotations

CACHE = '''
    def kept(ages, limit):
        """The ages without what is older."""
        for key in ages:
            if ages[key] > limit:
                del ages[key]
        return ages


    RESULT = kept({"a": 5, "b": 1}, 3)
'''
VERBOSE = '''
    def split(options):
        """The options without the verbosity, and the verbosity."""
        rest = {**options}
        level = rest.pop("verbose", 0)
        return rest, level


    RESULT = split({"a": 1})
'''
BY_DATE = '''
    def ordered(tasks):
        """By date, those without one last."""
        return sorted(tasks, key=lambda task: (task is None, task or ""))


    RESULT = ordered(["2026-01-02", None, "2026-01-01"])
'''
LABEL = """
    def label(order):
        return "order " + str(order["number"]) + ", " + order["name"]


    RESULT = label({"number": 4, "name": "Ada"})
"""
SHEET = """
    from dataclasses import dataclass


    @dataclass
    class Row:
        name: str
        count: int | None = None


    def rows(sheet):
        return [Row(name=one["name"], count=int(one["count"] or 0)) for one in sheet]


    RESULT = [row.count for row in rows([{"name": "a", "count": "2"}, {"name": "b", "count": ""}])]
"""
DAYS = (
    SHEET.replace("[row.count for", "sorted(row.count for").replace('""}])]', '""}]))').replace(" or 0", "")
)
LINES = """
    def numbered(lines):
        number = 1
        for line in lines:
            if line:
                number += 1
        return number


    RESULT = numbered(["a", "", "b"])
"""
PARSED = """
    def amount(text):
        try:
            return float(text)
        except ValueError:
            return None


    def total(texts):
        return sum(amount(text) or 0 for text in texts)


    RESULT = total(["1", "x"])
"""
LOADED = """
    def number(text):
        try:
            found = int(text)
        except ValueError as exc:
            print(exc)
        return found


    RESULT = number("x")
"""
MOVED = """        try:
            return sum(amount(text) for text in texts)
        except KeyError:
            return 0
"""
