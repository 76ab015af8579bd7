"""One issue: where and how often it happens, its newest event, and what autofix makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from autofix.hosts import Breadcrumb, ExceptionInfo, Frame, TagValue
from autofix.ui.highlighting import CodeLine, coloured
from tracker.host import TrackerHost, as_issue
from tracker.lookups import find_issue
from tracker.pages.frequency import frequency
from tracker.pages.members import MemberView

TOP_VALUES: Final = 5
MOST_ACTIVITIES: Final = 50
MOST_BREADCRUMBS: Final = 100


class IssueView(MemberView):
    """An issue's page."""

    def get(self, request: HttpRequest, **_: Any) -> HttpResponse:
        organization = self.organization()
        row = find_issue(self.kwargs["issue"], organization)
        if row is None:
            raise Http404
        host, issue = TrackerHost(), as_issue(row)
        event = host.latest_event(issue)
        context = {
            "organization": organization,
            "project": row.project,
            "issue": row,
            "event": event,
            "exceptions": [Shown.of(exception) for exception in reversed(event.exceptions)] if event else [],
            "breadcrumbs": [ShownCrumb.of(crumb) for crumb in event.breadcrumbs[-MOST_BREADCRUMBS:][::-1]]
            if event
            else [],
            "tags": [ShownTag.of(key, values) for key, values in host.tag_distribution(issue).items()],
            "activities": row.activities.all()[:MOST_ACTIVITIES],
            "frequency": frequency(row),
        }
        return render(request, "tracker/issue.html", context)


@dataclass(frozen=True)
class Line:
    """A line of code around a frame."""

    number: int | None
    code: CodeLine
    is_current: bool = False


@dataclass(frozen=True)
class ShownFrame:
    """A frame with its code and locals; ``is_open``: the one to look at first."""

    frame: Frame
    lines: list[Line]
    variables: list[tuple[str, Any]]
    is_open: bool


@dataclass(frozen=True)
class Stretch:
    """Frames that follow each other: of the program (``in_app``), or of its libraries, which are folded."""

    in_app: bool
    frames: list[ShownFrame]


@dataclass(frozen=True)
class Shown:
    """An exception as the page shows it: the frame that raised first."""

    exception: ExceptionInfo
    stretches: list[Stretch]

    @classmethod
    def of(cls, exception: ExceptionInfo) -> Shown:
        """The exception with its frames turned round."""
        raising = exception.raising_frame
        frames = [
            ShownFrame(frame, lines_of(frame), list(frame.variables.items()), frame is raising)
            for frame in reversed(exception.frames)
        ]
        runs = groupby(frames, key=lambda shown: shown.is_open or is_own(shown.frame))
        return cls(exception, [Stretch(in_app, list(run)) for in_app, run in runs])


@dataclass(frozen=True)
class ShownTag:
    """A tag with its most frequent values, each with its share in percent."""

    key: str
    values: list[tuple[TagValue, int]]
    others: int

    @classmethod
    def of(cls, key: str, values: list[TagValue]) -> ShownTag:
        """The tag's distribution."""
        whole = sum(value.count for value in values) or 1
        top = [(value, round(100 * value.count / whole)) for value in values[:TOP_VALUES]]
        return cls(key, top, len(values) - len(top))


@dataclass(frozen=True)
class ShownCrumb:
    """A breadcrumb. ``moment``: None when its time cannot be read, and is shown as it came."""

    crumb: Breadcrumb
    moment: datetime | None

    @classmethod
    def of(cls, crumb: Breadcrumb) -> ShownCrumb:
        """The breadcrumb with its time."""
        try:
            return cls(crumb, datetime.fromisoformat(crumb.timestamp))
        except ValueError:
            return cls(crumb, None)


def is_own(frame: Frame) -> bool:
    """Is it the program's own code? What Python has frozen into itself is not, whatever the SDK says."""
    return frame.in_app and not frame.filename.startswith("<frozen ")


def lines_of(frame: Frame) -> list[Line]:
    """The frame's code with line numbers; empty when the SDK sent none."""
    if frame.context_line is None:
        return []
    texts = [line.rstrip("\r\n") for line in (*frame.pre_context, frame.context_line, *frame.post_context)]
    current = len(frame.pre_context)
    first = None if frame.lineno is None else frame.lineno - current
    return [
        Line(number=None if first is None else first + index, code=code, is_current=index == current)
        for index, code in enumerate(coloured("\n".join(texts), frame.filename))
    ]
