"""Small programs that crash. Each has what it was before, what it should give once mended, or None where no edit is right."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent


@dataclass(frozen=True)
class Program:
    """``code`` crashes; ``before``: its earlier texts; ``result``: what ``RESULT`` is in the mended program, None to abstain."""

    name: str
    code: str
    before: tuple[str, ...] = ()
    result: object = None
    rule: str = ""


def changed(
    name: str, before: str, *edits: tuple[str, str], result: object = None, rule: str = ""
) -> Program:
    """A program that a commit made of another one by replacing texts."""
    code = before
    for old, new in edits:
        assert old in code, old
        code = code.replace(old, new)
    return Program(name, dedent(code), (dedent(before),), result, rule)


STOCK = '''
    """What the warehouse holds."""

    SHELVES = [{"sku": "A1", "count": 4}, {"sku": "B2"}]


    def pieces(shelves):
        """All pieces on these shelves."""
        counted = 0
        for shelf in shelves:
            counted += shelf.get("count", 0)
        return counted


    RESULT = pieces(SHELVES)
'''
SPEED = '''
    """How fast the carriers were."""


    def pace(legs):
        """Kilometres an hour over all legs."""
        distance = sum(leg[0] for leg in legs)
        hours = sum(leg[1] for leg in legs)
        return distance / hours if hours else 0.0


    RESULT = [pace([(10, 2)]), pace([])]
'''
MEAN = '''
    """Marks of a class."""


    def mean(marks):
        """The mean mark."""
        if not marks:
            return None
        best = max(marks)
        return (sum(marks) - best) / len(marks)


    def report(groups):
        """A line per group."""
        return [mean(group) for group in groups]


    RESULT = report([[1, 3], []])
'''
LATEST = '''
    """Which backup is the newest."""


    def newest(backups, host):
        """The name of the newest backup of a host."""
        found = None
        for backup in backups:
            if backup["host"] == host:
                found = backup["name"]
        return found


    RESULT = newest([{"host": "db", "name": "monday"}], "web")
'''
POINT = '''
    """Points on a map."""

    from dataclasses import dataclass


    @dataclass
    class Point:
        """One point."""

        latitude: float
        longitude: float

        def shifted(self, by):
            """The point further north."""
            return Point(self.latitude + by, self.longitude)


    def label(point):
        """How it is written."""
        return f"{point.latitude:.1f} {point.longitude:.1f}"


    def north():
        """A place that is further north."""
        return label(Point(1.0, 2.0).shifted(1))


    RESULT = north()
'''
MAIL = '''
    """Greets people."""


    def greeting(name, language):
        """The first line of a letter."""
        return {"de": "Hallo ", "en": "Hello "}[language] + name


    def letter(name, language):
        """The whole letter."""
        return greeting(name, language) + "!"


    RESULT = letter("Ada", "de")
'''
ROOM = '''
    """Finds rooms."""

    ROOMS = [{"name": "Oak", "seats": 4}]


    def room_for(people):
        """A room with enough seats, None if there is none."""
        return next((room for room in ROOMS if room["seats"] >= people), None)


    def book(people):
        """Say where to go."""
        room = room_for(people)
        if room is None:
            return "nowhere"
        return room["name"]


    RESULT = [book(3), book(9)]
'''
FOLDER = '''
    """Sizes of folders that may hold each other by links."""

    LINKS = {"a": ["b"], "b": ["a", "c"], "c": []}


    def below(links, name):
        """The names of all folders below one."""
        met, waiting = [], [name]
        while waiting:
            for child in links[waiting.pop()]:
                if child not in met:
                    met.append(child)
                    waiting.append(child)
        return sorted(met)


    RESULT = below(LINKS, "a")
'''
RECURSIVE = '''
    """Sizes of folders that may hold each other by links."""

    LINKS = {"a": ["b"], "b": ["a", "c"], "c": []}


    def below(links, name):
        """The names of all folders below one."""
        found = []
        for child in links[name]:
            found.append(child)
            found.extend(below(links, child))
        return sorted(found)


    RESULT = below(LINKS, "a")
'''

PLAIN_MAIL = (
    MAIL.replace(", language)", ")")
    .replace('{"de": "Hallo ", "en": "Hello "}[language]', '"Hello "')
    .replace('letter("Ada", "de")', 'letter("Ada")')
)
TRANSLATED = ('"Hello "', '{"de": "Hallo ", "en": "Hello "}[language]')
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
