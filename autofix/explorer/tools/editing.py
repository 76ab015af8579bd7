"""Tools that change code, within the worktree of the turn."""

from __future__ import annotations

from autofix.explorer.tools.answers import ToolRefused, checkout_of, tool
from autofix.explorer.tools.toolbox import Toolbox
from autofix.explorer.workspace import Checkout
from autofix.redaction import REDACTED


@tool
def replace_text(toolbox: Toolbox, path: str, old: str, new: str, repo_name: str = "") -> str:
    """Replace the one occurrence of a text in a file; the answer is the file's whole change so far."""
    checkout = _editable(toolbox, repo_name)
    _refuse_blanks(new, old)
    checkout.replace(path, old, new)
    return checkout.patch(path).diff or "The file is as it was."


@tool
def write_file(toolbox: Toolbox, path: str, text: str, repo_name: str = "") -> str:
    """Make or replace a file; the answer is the file's whole change so far."""
    checkout = _editable(toolbox, repo_name)
    if REDACTED in text:
        _refuse_blanks(text, _present(checkout, path))
    checkout.write(path, text)
    return checkout.patch(path).diff or "The file is as it was."


@tool
def delete_file(toolbox: Toolbox, path: str, repo_name: str = "") -> str:
    """Delete a file."""
    _editable(toolbox, repo_name).delete(path)
    return f"{path} is deleted."


def _refuse_blanks(text: str, before: str) -> None:
    """A model sees and sends code with its secrets blanked: the blanks must not end up in the code."""
    if text.count(REDACTED) > before.count(REDACTED):
        raise ToolRefused(
            f"The text has {REDACTED} where something that looks like a secret was blanked. Change the places around it with "
            "replace_text; a new value belongs into the program's configuration, not into its code."
        )


def _present(checkout: Checkout, path: str) -> str:
    try:
        return checkout.read(path)
    except FileNotFoundError:
        return ""


def _editable(toolbox: Toolbox, repo_name: str) -> Checkout:
    if not toolbox.can_edit:
        raise ToolRefused("This step does not change code.")
    return checkout_of(toolbox, repo_name)
