"""The documentation says what the code says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import PydanticUndefined

from autofix import webhooks
from autofix.conf import Section, Settings
from autofix.exceptions import FAILURE_CODES
from autofix.sweeper import STALLS
from config import autofix_settings

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
# Set by config/settings.py itself.
ELSEWHERE = {"AUTOFIX_DATA_DIR", "AUTOFIX_SCM_LOCAL_ROOTS"}
LINK = re.compile(r"\]\(([^)\s]+)\)")


def rows(page: Path, columns: int) -> list[list[str]]:
    """The page's table rows of that many columns whose first cell is code."""
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in page.read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    ]
    return [row for row in cells if len(row) == columns]


def plain(cell: str) -> str:
    return cell.replace("`", "").strip()


def settings_of(section: type[Section], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every key with its default, sections as dotted paths."""
    for name, field in section.model_fields.items():
        key = f"{prefix}{name.upper()}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from settings_of(field.annotation, f"{key}.")
        else:
            yield key, field.get_default(call_default_factory=True)


def shown(default: Any) -> str:
    """A default as the pages write it."""
    match default:
        case _ if default is PydanticUndefined:
            return "required"
        case None | "" | ():
            return "none"
        case bool():
            return str(default).lower()
        case tuple():
            return ", ".join(map(str, default))
        case {"local": {}}:
            return '{"local": {}}'
        case _:
            return str(default)


DEFAULTS = {key: shown(default) for key, default in settings_of(Settings)}


def variables() -> dict[str, str]:
    """Every AUTOFIX_… variable that the stand-alone project reads, by the key that it sets."""
    found = {f"EXPLORER.OPTIONS.{option}": name for name, option in autofix_settings.OPTIONS.items()}
    found |= {key: f"AUTOFIX_{key}" for key in autofix_settings.TOP}
    found |= {f"TURN.{key}": f"AUTOFIX_TURN_{key}" for key in autofix_settings.TURN}
    found |= {f"VERIFY.{key}": f"AUTOFIX_VERIFY_{key}" for key in autofix_settings.VERIFY}
    found |= {f"WEBHOOKS.{key}": f"AUTOFIX_WEBHOOKS_{key}" for key in autofix_settings.WEBHOOKS}
    return found | {"DATA_DIR": "AUTOFIX_DATA_DIR"}


class TestConfigurationPage:
    page = ROOT / "docs" / "configuration.md"

    def test_every_key_is_there_with_its_default(self) -> None:
        """Keys and defaults are those of conf.py, in its order."""
        written = {plain(key): plain(default) for key, _, default, _ in rows(self.page, 4)}
        assert written == DEFAULTS
        assert list(written) == list(DEFAULTS)

    def test_every_variable_is_there(self) -> None:
        """The middle column has exactly the variables that the stand-alone project reads."""
        written = {plain(key): plain(name) for key, name, _, _ in rows(self.page, 4) if name}
        assert written == variables()

    def test_the_projects_other_variables_are_there(self) -> None:
        """Whatever config/settings.py reads from the environment has a row, and the other way round."""
        source = (ROOT / "config" / "settings.py").read_text(encoding="utf-8")
        read = set(re.findall(r'env(?:\.\w+)?\(\s*"([A-Z_]+)"', source))
        written = {name for row in rows(self.page, 3) for name in plain(row[0]).split(", ")}
        assert read - written - set(variables().values()) == set()
        assert written - read - {"HOST", "PORT"} - ELSEWHERE == set()

    def test_the_readmes_table_agrees(self) -> None:
        """The README's short table says the same as the page."""
        short = [row for row in rows(ROOT / "README.md", 3) if plain(row[0]) in DEFAULTS]
        assert short
        for key, variable, default in short:
            assert plain(default) == DEFAULTS[plain(key)]
            assert plain(variable) == variables().get(plain(key), "")


class TestReferencePages:
    def test_failure_codes(self) -> None:
        """Each code has its row with its own sentence, and something to do about it."""
        written = rows(ROOT / "docs" / "reference" / "failure-codes.md", 3)
        assert {plain(code): sentence for code, sentence, _ in written} == FAILURE_CODES
        assert all(advice for _, _, advice in written)

    def test_webhook_events(self) -> None:
        """Each event type of the catalogue has its row."""
        text = (ROOT / "docs" / "reference" / "webhooks.md").read_text(encoding="utf-8")
        assert sorted(re.findall(r"^\| `(autofix\.\w+)`", text, re.MULTILINE)) == sorted(webhooks.EVENT_TYPES)

    def test_what_can_stall(self) -> None:
        """The sweeper's list is the page's list."""
        written = rows(ROOT / "docs" / "how-to" / "operate.md", 3)
        listed = {plain(name): (what, plain(remedy)) for name, what, remedy in written}
        assert listed == {stall.name: (stall.what, plain(stall.remedy)) for stall in STALLS}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
class TestEveryPage:
    def test_links_lead_somewhere(self, page: Path) -> None:
        """Relative links point at files of the checkout."""
        links = [link.partition("#")[0] for link in LINK.findall(page.read_text(encoding="utf-8"))]
        missing = [
            link
            for link in links
            if link and "://" not in link and not (page.parent / link).resolve().exists()
        ]
        assert missing == []

    def test_make_commands_exist(self, page: Path) -> None:
        """Every `make x` that a page names is a target of the Makefile."""
        targets = set(
            re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        )
        text = page.read_text(encoding="utf-8")
        named = set(re.findall(r"`make ([a-z-]+)`|^make ([a-z-]+)", text, re.MULTILINE))
        assert {one or other for one, other in named} <= targets
