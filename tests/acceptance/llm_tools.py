"""Tools of a host that say where they run."""

from __future__ import annotations

import os
import threading

from asgiref.sync import sync_to_async
from django.db import connection
from pydantic import BaseModel

from autofix.explorer.tools.custom import HostTool
from autofix.hosts import Issue
from tracker.models import Event


class Nothing(BaseModel):
    """No parameters."""


def _where(issue: Issue, _: Nothing) -> str:
    count = Event.objects.filter(issue_id=issue.id).count()
    return f"process {os.getpid()}, thread {threading.get_ident()}, connection {id(connection.connection)}: {count} events"


async def _where_awaited(issue: Issue, nothing: Nothing) -> str:
    assert await Event.objects.filter(issue_id=issue.id).acount()
    return await sync_to_async(_where)(issue, nothing)


where = HostTool("Where does a plain tool run?", Nothing, _where)
where_awaited = HostTool("Where does an asynchronous tool reach the database?", Nothing, _where_awaited)
