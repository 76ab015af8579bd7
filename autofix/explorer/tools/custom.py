"""Tools of the host's own: ``AUTOFIX["TOOLS"]`` names them, and nothing else can."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Any

from asgiref.sync import async_to_sync
from django.db import DatabaseError
from django.utils.module_loading import import_string
from pydantic import BaseModel

from autofix import conf
from autofix.exceptions import Misconfigured
from autofix.explorer.tools.answers import refusal
from autofix.hosts import Issue

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class HostTool:
    """A tool that a host offers. ``run(issue, parameters)`` reads what it knows of the issue and answers with text.

    ``run`` may be a coroutine function; what it does through ``sync_to_async`` or the ORM's own asynchronous methods happens
    on the thread and the database connection of the turn. It may be called again after a crash: it must not change
    anything. ``description`` tells the model when to use it.
    """

    description: str
    parameters: type[BaseModel]
    run: Callable[[Issue, Any], str] | Callable[[Issue, Any], Coroutine[Any, Any, str]]


def host_tools() -> dict[str, HostTool]:
    """The configured tools by name; Misconfigured when one cannot be had."""
    return {name: host_tool(name) for name in conf.settings().tools}


def answer(name: str, tool: HostTool, issue: Issue, parameters: BaseModel) -> str:
    """What the tool says; a tool that breaks is a refusal for the model and a traceback for the log."""
    try:
        run: Callable[[Issue, Any], Any] = (
            async_to_sync(tool.run) if iscoroutinefunction(tool.run) else tool.run
        )
        said: str = run(issue, parameters)
    except DatabaseError:
        raise
    except Exception as exc:
        logger.exception("the host's tool %s failed", name)
        return refusal(f"the tool failed ({type(exc).__name__}).")
    return said


def host_tool(name: str) -> HostTool:
    """The configured tool of this name; KeyError when there is none, Misconfigured when it cannot be had."""
    try:
        tool = import_string(conf.settings().tools[name])
    except ImportError as exc:
        raise Misconfigured(f"TOOLS[{name!r}] cannot be imported: {exc}") from exc
    if not isinstance(tool, HostTool):
        raise Misconfigured(f"TOOLS[{name!r}] is no HostTool.")
    return tool
