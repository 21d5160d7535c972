"""Installations that are backed up and put back, on both databases."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from places import Place


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """Of the databases of a test's installations."""
    return str(request.param)


@pytest.fixture
def make_place(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> Iterator[Callable[[str], Place]]:
    """Makes installations with an empty database."""

    def make(name: str) -> Place:
        empty = request.getfixturevalue("new_postgresql")() if kind == "postgresql" else None
        return Place(tmp_path / name, empty)

    yield make
    Place(tmp_path, None).leave()


@pytest.fixture
def place(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, migrated: Callable[[str], str]
) -> Iterator[Place]:
    """An installation with one shop and three customers."""
    made = Place(tmp_path / "here", migrated(kind) if kind == "postgresql" else None)
    if kind == "sqlite":
        made.directory.mkdir()
        shutil.copy(request.getfixturevalue("migrated_sqlite"), made.directory / "dxflow.db")
    made.shop()
    made.customers(1, 4)
    yield made
    made.leave()


@pytest.fixture
def elsewhere(make_place: Callable[[str], Place]) -> Place:
    """Another machine: an empty data directory, an empty database."""
    return make_place("elsewhere")
