"""Installations that are backed up and put back, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from places import Place


@pytest.fixture
def make_place(
    request: pytest.FixtureRequest, tmp_path: Path, database_url: str
) -> Iterator[Callable[[str], Place]]:
    """Makes installations, all on the same kind of database."""

    def make(name: str) -> Place:
        if database_url.startswith("sqlite"):
            return Place(tmp_path / name, None)
        return Place(tmp_path / name, str(request.getfixturevalue("new_postgresql")()))

    yield make
    Place(tmp_path, None).leave()


@pytest.fixture
def place(make_place: Callable[[str], Place]) -> Place:
    """An installation with one shop and three customers."""
    made = make_place("here")
    made.shop()
    made.customers(1, 4)
    return made


@pytest.fixture
def elsewhere(make_place: Callable[[str], Place]) -> Place:
    """Another machine: an empty data directory, an empty database."""
    return make_place("elsewhere")
