"""Installations for the command line's tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import Failure, Home
from flow import Sender, drain

from dxflow.engine import wiring


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """An empty place: the data directory isn't there yet."""
    yield Home(tmp_path / "data dir")
    wiring.forget()


@pytest.fixture(scope="session")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of an installation with one tenant, to copy: a first start migrates and makes keys."""
    made = Home(tmp_path_factory.mktemp("acme") / "data dir")
    made.ask("tenant", "create", "--name", "Acme Shop", "--jurisdiction", "DE")
    return made.directory


@pytest.fixture
def shop(home: Home, acme: Path) -> Home:
    """An installation with one tenant."""
    shutil.copytree(acme, home.directory)
    return home


@pytest.fixture
def failure(shop: Home) -> Failure:
    """A well-signed delivery of another topic's shape."""
    core = shop.core()
    sender = Sender(core, shop.ask("tenant", "list")[0]["id"])
    accepted = sender.send("customers/create", {"id": 1, "line_items": []})
    drain(core)
    core.store.close()
    return Failure(shop, accepted.event_id, sender.connector.id)
