"""Installations for the command line's tests."""

from __future__ import annotations

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


@pytest.fixture
def shop(home: Home) -> Home:
    """An installation with one tenant."""
    home.ask("tenant", "create", "--name", "Acme Shop", "--jurisdiction", "DE")
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
