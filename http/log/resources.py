"""Checkpoint, tiles, entry bundles and keys of one log, as its readers fetch them.

What has been published stays published: a tile of any width that the tree ever had is served, also when it is
full by now, because its reader may hold an older checkpoint. Tiles never change, so caches may keep them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager

import falcon

from ...engine.core import Core
from ...engine.errors import NotFound
from ...engine.ledger import epochs as ledger_epochs
from ...engine.services.audit import epochs, log_reads
from ...engine.services.audit.epochs import View
from ...engine.store import scope
from .. import prefix
from .names import Names, Opened

_FOREVER = "max-age=31536000, immutable"


class _Resource:
    def __init__(self, core: Core, names: Names) -> None:
        self._core = core
        self._names = names

    @contextmanager
    def _opened(self, req: falcon.Request, name: str, epoch: int) -> Iterator[tuple[Opened, View]]:
        """The log that the path names, and its rows alone."""
        with self._core.store.reachable():
            opened = self._names(req, name)
            with scope.of(opened.log_id):
                yield opened, epochs.view(self._core, opened.log_id, epoch)


class CheckpointResource(_Resource):
    """``checkpoint``: the newest signed note."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, name: str = "", epoch: int = 1) -> None:
        """200, or 304 while it is still the one the reader has."""
        with self._opened(req, name, epoch) as (_, view):
            checkpoint = view.checkpoint
        resp.content_type = "text/plain; charset=utf-8"
        resp.cache_control = ["no-cache"]
        resp.etag = etag = hashlib.sha256(checkpoint.encode()).hexdigest()[:32]
        if any(tag in ("*", etag) for tag in req.if_none_match or ()):
            resp.status = falcon.HTTP_304
            return
        resp.text = checkpoint

    on_head = on_get


class TileResource(_Resource):
    """``tile/<L>/<N>[.p/<W>]`` and ``tile/entries/<N>[.p/<W>]``."""

    def on_get(
        self, req: falcon.Request, resp: falcon.Response, rest: str, name: str = "", epoch: int = 1
    ) -> None:
        """200, or 404 for what no tree of this log has had."""
        with self._opened(req, name, epoch) as (opened, view):
            data = log_reads.tile(opened.log_id, f"tile/{rest}", view.size)
        if data is None and view.following is not None:
            raise NotFound(f"this epoch ended at {view.size} entries; {ledger_epochs.told(view.following)}")
        if data is None:
            raise NotFound("this log has no such tile (C2SP tlog-tiles)")
        resp.content_type = "application/octet-stream"
        resp.cache_control = ["public" if opened.public else "private", _FOREVER]
        resp.data = data

    on_head = on_get


class KeysResource(_Resource):
    """``keys``: ``{"origin", "keys": [{"vkey", "index", "active"}]}``, oldest first.

    ``index`` is the leaf that added the key, under a checkpoint that an older key signed; null for a key that
    was there from the log's start.
    """

    def on_get(self, req: falcon.Request, resp: falcon.Response, name: str = "", epoch: int = 1) -> None:
        """200."""
        with self._opened(req, name, epoch) as (opened, view):
            found = log_reads.keys(self._core, opened.log_id, view.origin) | _following(view)
        resp.cache_control = ["no-cache"]
        resp.text = json.dumps(found)

    on_head = on_get


class IndexResource(_Resource):
    """The log's own address: what is to be found here."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, name: str = "", epoch: int = 1) -> None:
        """200: ``{"origin", "size", "vkeys", "format", "checkpoint", "tiles", "entries", "keys"}``."""
        with self._opened(req, name, epoch) as (_, view):
            vkeys = self._core.signing.vkeys(view.origin)
        base = prefix.path(req).rstrip("/")
        resp.cache_control = ["no-cache"]
        resp.text = json.dumps(
            {
                "origin": view.origin,
                "size": view.size,
                "vkeys": vkeys,
                "format": "https://c2sp.org/tlog-tiles",
                "checkpoint": f"{base}/checkpoint",
                "tiles": f"{base}/tile/<L>/<N>[.p/<W>]",
                "entries": f"{base}/tile/entries/<N>[.p/<W>]",
                "keys": f"{base}/keys",
            }
            | _following(view)
        )

    on_head = on_get


def _following(view: View) -> dict[str, object]:
    """Of an epoch that is over: where the log goes on, and which entries are missing there."""
    row = view.following
    if row is None:
        return {}
    gap = {"from": int(row.seq), "to": int(row.published_size)}
    return {"next": {"origin": row.origin, "epoch": row.epoch, "path": f"/epoch/{row.epoch}", "missing": gap}}
