"""A log elsewhere, read over HTTP as C2SP tlog-tiles has it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError

from ..errors import LogBroken, Unavailable
from ..ledger.merkle import HASH_BYTES
from ..ledger.tiles import TILE_HEIGHT, TILE_WIDTH, tile_path

CONNECT_S, READ_S = 5.0, 20.0
LARGEST = 32 << 20
"""Bytes of the largest answer that is read: an entry bundle of the longest leaves has half of it."""


@dataclass(frozen=True, slots=True)
class RemoteLog:
    """``url`` is the log's address, without a slash at its end. Every method raises Unavailable when the log
    doesn't answer as it should: that is no news, good or bad."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    pool: urllib3.PoolManager = field(default_factory=urllib3.PoolManager)

    def checkpoint(self) -> str:
        """The newest signed note."""
        try:
            return self._get("checkpoint").decode("utf-8")
        except UnicodeDecodeError:
            raise LogBroken("the checkpoint isn't UTF-8") from None

    def listed_keys(self) -> list[dict[str, Any]]:
        """``[{"vkey", "index", "active"}]`` as the log itself lists them."""
        try:
            found: list[dict[str, Any]] = json.loads(self._get("keys"))["keys"]
        except (ValueError, KeyError, TypeError):
            raise LogBroken("the log's list of keys can't be read") from None
        return found

    def following(self) -> dict[str, Any] | None:
        """Where the log goes on, if it says that this epoch of it is over."""
        try:
            found = json.loads(self._get("keys")).get("next")
        except (ValueError, AttributeError):
            raise LogBroken("the log's list of keys can't be read") from None
        if found is not None and not isinstance(found, dict):
            raise LogBroken("the log's word on its next epoch can't be read")
        return found

    def at(self, size: int) -> RemoteTiles:
        """The tiles of the tree of so many leaves."""
        return RemoteTiles(self, size)

    def entry(self, index: int, size: int) -> bytes:
        """One leaf of the tree of ``size`` leaves. Raises LogBroken for a bundle without it."""
        bundle, place = divmod(index, TILE_WIDTH)
        width = min(TILE_WIDTH, size - bundle * TILE_WIDTH)
        data = self._get(tile_path(0, bundle, width).replace("tile/0/", "tile/entries/", 1))
        for _ in range(place):
            data = data[2 + int.from_bytes(data[:2], "big") :]
        leaf = data[2 : 2 + int.from_bytes(data[:2], "big")]
        if not leaf:
            raise LogBroken(f"the log doesn't have the entry {index} that it counts")
        return leaf

    def _get(self, name: str) -> bytes:
        timeout = urllib3.Timeout(connect=CONNECT_S, read=READ_S)
        try:
            answer = self.pool.request(
                "GET",
                f"{self.url}/{name}",
                headers=dict(self.headers),
                timeout=timeout,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            data = answer.read(LARGEST + 1)
            answer.release_conn()
        except HTTPError as error:
            raise Unavailable(f"{self.url} doesn't answer ({type(error).__name__})") from None
        if answer.status != 200:
            raise Unavailable(f"{self.url}/{name} answers {answer.status}{_hint(answer.status)}")
        if len(data) > LARGEST:
            raise LogBroken(f"{name} is larger than anything a log has")
        return bytes(data)


@dataclass(frozen=True, slots=True)
class RemoteTiles:
    """Tiles of a tree of ``size`` leaves (``tiles.TileReader``)."""

    log: RemoteLog
    size: int

    def read(self, level: int, index: int) -> bytes:
        """Raises LogBroken for a tile of another width than the tree's."""
        width = min(TILE_WIDTH, (self.size >> (TILE_HEIGHT * level)) - index * TILE_WIDTH)
        data = self.log._get(tile_path(level, index, width))
        if len(data) != width * HASH_BYTES:
            raise LogBroken(f"tile {level}/{index} has {len(data)} bytes where the tree has {width} hashes")
        return data


def _hint(status: int) -> str:
    if status in (401, 403):
        return "; this log is read with an API key of its tenant: --token-file"
    return "; is this a log's address, http://host/log/did:dep:…?" if status == 404 else ""
