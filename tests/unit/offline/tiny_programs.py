"""Programs of a few lines that crash from the start: no history tells of another state."""

from __future__ import annotations

JSON_ROW = """
    def row(text):
        return json.loads(text)


    RESULT = row("[1]")
"""
OWN_NAME = """
    def add(number):
        return number + offset


    RESULT = add(1)
"""
NONE_SUM = """
    def add(one, two=None):
        return one + two


    RESULT = add(1)
"""
MIXED = """
    def largest(values):
        return max(values)


    RESULT = largest([1, "2"])
"""
NO_NUMBER = """
    def count(text):
        return int(text)


    RESULT = count("n/a")
"""
ONE_BRANCH = """
    def price(kind):
        if kind == "member":
            rebate = 5
        return 100 - rebate


    RESULT = price("guest")
"""
