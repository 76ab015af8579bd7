"""The outline of a file: what it defines and where. Needs ast-grep-py, which the extra ``llm`` brings."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import PurePosixPath
from typing import Any

from autofix.explorer.tools.answers import ToolRefused, checkout_of, lines, tool
from autofix.explorer.tools.parts import beginning
from autofix.explorer.tools.toolbox import Toolbox

MAX_SYMBOLS = 300
MAX_LINE = 160
_C_LIKE = ("class_declaration", "method_declaration", "interface_declaration", "enum_declaration")
_SCRIPT = ("function_declaration", "class_declaration", "method_definition", "interface_declaration")
LANGUAGES: dict[str, tuple[str, tuple[str, ...]]] = {
    ".py": ("python", ("function_definition", "class_definition")),
    ".js": ("javascript", _SCRIPT[:3]),
    ".jsx": ("javascript", _SCRIPT[:3]),
    ".mjs": ("javascript", _SCRIPT[:3]),
    ".ts": ("typescript", _SCRIPT),
    ".tsx": ("tsx", _SCRIPT),
    ".go": ("go", ("function_declaration", "method_declaration", "type_declaration")),
    ".rs": ("rust", ("function_item", "struct_item", "enum_item", "trait_item", "impl_item")),
    ".rb": ("ruby", ("method", "singleton_method", "class", "module")),
    ".java": ("java", _C_LIKE),
    ".cs": ("csharp", _C_LIKE),
    ".php": ("php", ("function_definition", "class_declaration", "method_declaration")),
}
"""By a file's suffix: the grammar, and the kinds of nodes that are worth a line."""


def available() -> bool:
    """Is ast-grep-py installed here?"""
    return find_spec("ast_grep_py") is not None


@tool
def outline(toolbox: Toolbox, path: str, repo_name: str = "") -> str:
    """The classes, functions and methods of a file, each with its lines; read_file shows them."""
    known = LANGUAGES.get(PurePosixPath(path).suffix)
    if known is None:
        raise ToolRefused(f"There is no outline for this kind of file; known are {', '.join(LANGUAGES)}.")
    language, kinds = known
    text = checkout_of(toolbox, repo_name).read(path)
    # Loaded when first needed: it bundles the grammars of two dozen languages.
    root = import_module("ast_grep_py").SgRoot(text, language).root()
    found = root.find_all({"rule": {"any": [{"kind": kind} for kind in kinds]}})
    told = [_told(node) for node in found]
    more = [f"[{len(told) - MAX_SYMBOLS} more; read_file shows the rest]"] if len(told) > MAX_SYMBOLS else []
    return lines([*told[:MAX_SYMBOLS], *more], f"{path} defines nothing that an outline shows.")


def _told(node: Any) -> str:
    where = node.range()
    first = node.text().partition("\n")[0].rstrip(" {:")
    return (
        f"{where.start.line + 1}-{where.end.line + 1}\t{' ' * where.start.column}{beginning(first, MAX_LINE)}"
    )
