"""The small pictures on the tracker's issue page: events over time, and how a tag's values share them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from autofix.hosts import TagValue
from tracker.pages.frequency import HEIGHT, WIDTH, picture
from tracker.pages.issue import TOP_VALUES, ShownTag

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_each_event_stands_in_its_bar() -> None:
    """The last bar ends now; the busiest is as high as the picture; what is older than all bars is in none."""
    minutes = [1, 59, 61, *[23 * 60 + 5] * 4, 24 * 60 + 1]
    drawn = picture([NOW - timedelta(minutes=minute) for minute in minutes], NOW, HOUR, 24)
    assert [bar.label for bar in drawn.bars if not bar.label.endswith(": 0")] == [
        "29 Nov 12:00: 4",
        "30 Nov 10:00: 1",
        "30 Nov 11:00: 2",
    ]
    assert (drawn.bars[0].height, drawn.bars[-1].height, drawn.bars[-2].height) == (
        HEIGHT,
        HEIGHT // 2,
        HEIGHT // 4,
    )
    assert all(bar.y + bar.height == HEIGHT for bar in drawn.bars)
    assert (len(drawn.bars), drawn.width, drawn.bars[-1].x) == (24, 24 * WIDTH, 23 * WIDTH)


def test_the_picture_is_said_in_words() -> None:
    """For who does not see it: by the hour or by the day, and also when there was nothing."""
    events = [NOW - HOUR / 2] * 3
    assert picture(events, NOW, HOUR, 24).words == "3 events in the last 24 hours, at most 3 in an hour"
    assert picture([], NOW, timedelta(days=1), 30).words == "0 events in the last 30 days, at most 0 in a day"


def test_a_tags_values_have_their_shares() -> None:
    """In percent of all, also of those that are not shown; without any event there is none."""
    values = [
        TagValue(value=str(number), count=count) for number, count in enumerate([50, 20, 10, 10, 5, 3, 2])
    ]
    tag = ShownTag.of("browser", values)
    assert [(value.value, share) for value, share in tag.values] == [
        ("0", 50),
        ("1", 20),
        ("2", 10),
        ("3", 10),
        ("4", 5),
    ]
    assert (len(tag.values), tag.others) == (TOP_VALUES, 2)
    assert ShownTag.of("browser", []).values == []
