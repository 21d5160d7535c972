"""A log that came back from a backup, as its readers and watchers see it over HTTP."""

from __future__ import annotations

import json

import pytest
import requests

from dxflow.engine.services.audit import epochs
from dxflow.engine.watching.watcher import Alarm

from .conftest import Watched


@pytest.fixture
def closed(watched: Watched) -> Watched:
    """A log whose last published checkpoint speaks of seven entries that are missing."""
    watched.append(300)
    head = watched.core.log.head(watched.tenant_id)
    published = watched.core.signing.sign(head.origin, head.size + 7, b"\x07" * 32)
    epochs.open_epoch(watched.core, watched.tenant_id, published)
    watched.append(10)
    return watched


def _get(url: str) -> requests.Response:
    return requests.get(url, timeout=10)


def test_the_old_address_serves_what_was_published_and_names_the_next(closed: Watched) -> None:
    keys = _get(f"{closed.url}/keys").json()
    size = keys["next"]["missing"]["from"]
    assert _get(f"{closed.url}/checkpoint").text.split("\n")[1] == str(size + 7)
    assert _get(f"{closed.url}/tile/entries/000").status_code == 200
    lost = _get(f"{closed.url}/tile/entries/001.p/{size - 256 + 3}")
    assert lost.status_code == 404
    assert "missing" in lost.json()["detail"]
    there = f"{closed.url}{keys['next']['path']}"
    assert _get(f"{there}/checkpoint").text.split("\n")[:2] == [keys["next"]["origin"], str(size + 11)]
    leaf = _get(f"{there}/tile/entries/001.p/{size - 256 + 11}")
    assert leaf.status_code == 200
    assert b"log.epoch_opened" in leaf.content
    assert "next" not in _get(f"{there}/keys").json()
    assert _get(f"{closed.url}/epoch/9/checkpoint").status_code == 404
    assert json.loads(_get(there).text)["size"] == size + 11


def test_a_watcher_of_the_old_address_is_alarmed_and_one_of_the_new_sees_it_grow(closed: Watched) -> None:
    with pytest.raises(Alarm, match="closed: a backup was put back"):
        closed.watcher().look()
    fresh = closed.watcher(url=f"{closed.url}/epoch/2")
    first = fresh.look()
    closed.append(5)
    assert fresh.look().grown == 5
    assert first.origin.endswith("/epoch/2")
