"""How a tool answers: text of bounded length, and a refusal as a sentence that the agent can act on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Concatenate, ParamSpec

from autofix.exceptions import EditRefused, PathRefused, RepositoryUnavailable
from autofix.explorer.tools.parts import cut_off
from autofix.explorer.tools.toolbox import Toolbox
from autofix.explorer.workspace import Checkout

MAX_ANSWER = 32_000
_REFUSED = "Refused: "
Arguments = ParamSpec("Arguments")
Tool = Callable[Concatenate[Toolbox, Arguments], str]


class ToolRefused(Exception):
    """The tool cannot do this; the message tells the agent why."""


def tool(function: Tool[Arguments]) -> Tool[Arguments]:
    """A tool whose answer is cut at 32,000 characters and whose refusals are answers, too.

    Errors that are not the agent's to mend (a lost lease, a broken database) are raised as they are.
    """

    @wraps(function)
    def answer(toolbox: Toolbox, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> str:
        try:
            return bounded(function(toolbox, *args, **kwargs))
        except FileNotFoundError as exc:
            return refusal(f"there is no file {exc}.")
        except (ToolRefused, PathRefused, EditRefused, RepositoryUnavailable) as exc:
            return refusal(str(exc))

    return answer


def refusal(reason: str) -> str:
    """The answer of a tool that will not do this."""
    return f"{_REFUSED}{reason}"


def is_refusal(text: str) -> bool:
    """Is this the answer of a tool that would not?"""
    return text.startswith(_REFUSED)


def bounded(text: str) -> str:
    """The text, with its end cut off and a note of that where it is too long."""
    return cut_off(text, MAX_ANSWER, "[cut here: {more} more characters; ask for less at once]")


def lines(found: Iterable[str], nothing: str) -> str:
    """One item a line, or the sentence that there is none."""
    return "\n".join(found) or nothing


def checkout_of(toolbox: Toolbox, repo_name: str) -> Checkout:
    """The repository's checkout; the only one when no name is given."""
    if not repo_name and len(toolbox.checkouts) == 1:
        return next(iter(toolbox.checkouts.values()))
    if repo_name not in toolbox.checkouts:
        known = ", ".join(toolbox.checkouts) or "none"
        raise ToolRefused(f"There is no repository {repo_name!r}. Repositories: {known}.")
    return toolbox.checkouts[repo_name]
