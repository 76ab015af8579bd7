"""The texts of small programs, as they were before a commit made them crash."""

from __future__ import annotations

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
CATALOGUE = '''
    """A catalogue of books."""


    def book(letter, title):
        """One entry."""
        return {"letter": letter, "title": title}


    def ordered(books):
        """The books by their titles."""
        return sorted(books, key=lambda book: book["title"])


    def titles(books):
        """Nothing but the titles."""
        return [book["title"] for book in books]


    def listed(books):
        """A line per book."""
        lines = []
        for entry in ordered(books):
            lines.append(f"{entry['letter']}: {entry.get('mark', '')}" + entry["title"])
        return lines


    RESULT = listed([book("B", "b"), book("A", "a")])
'''
PRICES = '''
    """Prices of a pair."""


    def rounded(price):
        """A price as it is shown."""
        return round(price, 2)


    def shown(one, two):
        """Both prices."""
        return [rounded(one), rounded(two)]


    def total(one, two):
        """What both cost."""
        return rounded(one + two)


    def bill(one, two):
        """All of it."""
        return [*shown(one, two), total(one, two)]


    RESULT = bill(1.2349, 2.3451)
'''
FILES = '''
    def name(path):
        """The last part of a path."""
        return Path(path).name


    RESULT = name("a/b.txt")
'''
SIZES = '''
    """Ratios of sizes."""


    def ratios(sizes):
        """How often each size fits into the first."""
        found = []
        for size in sizes[1:]:
            if not size:
                continue
            ratio = sizes[0] / size
            found.append(ratio)
        return found


    RESULT = ratios([4, 2, 0])
'''
AGES = '''
    """Ages on a list."""


    def years(rows):
        """The sum of all ages."""
        return sum(age(row) for row in rows)


    def age(row):
        """The age in a row, 0 where there is none."""
        return int(row[1] or 0)


    RESULT = years([("a", "7"), ("b", "")])
'''

PLAIN_MAIL = (
    MAIL.replace(", language)", ")")
    .replace('{"de": "Hallo ", "en": "Hello "}[language]', '"Hello "')
    .replace('letter("Ada", "de")', 'letter("Ada")')
)
TRANSLATED = ('"Hello "', '{"de": "Hallo ", "en": "Hello "}[language]')
