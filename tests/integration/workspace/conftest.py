"""A checkout of a small shop with odd files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings

from autofix.explorer.workspace import (
    Checkout,
    open_workspace,
    pin_repositories,
)
from autofix.hosts import RepositoryRef
from tests.integration.workspace.shop import ODD
from tests.repositories import ANN, SHOP, Snapshot, bare_repository


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """A data folder of the test's own; repositories may lie in the test's folder."""
    own = {"DATA_DIR": tmp_path / "data", "SCM": {"local": {"ROOTS": [str(tmp_path)]}}}
    with override_settings(AUTOFIX={**settings.AUTOFIX, **own}):
        yield tmp_path / "data"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small shop with odd files; made once, copied for each test."""
    folder = tmp_path_factory.mktemp("template")
    windows = Snapshot({"windows.txt": "a\r\nb\r\n"}, "Lines of Windows", ANN, 4)
    bare_repository(folder, [*SHOP, windows, ODD])
    return folder


@pytest.fixture
def repository(template: Path, tmp_path: Path) -> RepositoryRef:
    """The shop in the test's folder."""
    shutil.copytree(template, tmp_path, symlinks=True, dirs_exist_ok=True)
    return RepositoryRef(name="acme/shop", provider="local", url=(tmp_path / "origin.git").as_uri())


@pytest.fixture
def checkout(repository: RepositoryRef) -> Iterator[Checkout]:
    """The shop at its newest commit."""
    pins = pin_repositories([repository], "")
    with open_workspace("session", [repository], pins, []) as checkouts:
        yield checkouts["acme/shop"]
