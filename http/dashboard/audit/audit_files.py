"""What is downloaded of a log: checkpoint, proofs, bundle and the program that verifies it.

Members and auditors get the same files, each of the log that their caller may read.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import falcon

from ....engine.errors import Busy, NotFound
from ....engine.ledger import verifier
from ....engine.services.audit import bundle_stream, checkpoint_check, exports
from ..answers import HEADERS
from ..desk import Desk
from .audit_reader import index_in, index_of

_TEXT = "text/plain; charset=utf-8"
AT_ONCE = 2
"""Bundles that one process sends at the same time."""
_SOON = 20
"""Seconds after which one of them is likely to be done: 1,000,000 entries take about that long."""

_PLACES = threading.BoundedSemaphore(AT_ONCE)


@dataclass(frozen=True, slots=True)
class _File:
    desk: Desk

    def _text(self, resp: falcon.Response, name: str, text: str) -> None:
        resp.set_headers(HEADERS)
        resp.content_type, resp.downloadable_as, resp.text = _TEXT, name, text


class CheckpointFile(_File):
    """``checkpoint``: the signed note, to keep."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """200."""
        head = self.desk.core.log.head(req.context.caller.tenant_id)
        self._text(resp, f"checkpoint-{head.size}.txt", str(head.checkpoint))

    on_head = on_get


class EntryProof(_File):
    """``entries/{index}/proof``: the C2SP tlog-proof of one entry."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, index: str) -> None:
        """200, or 404 beyond the end."""
        number = index_in({"index": index})
        text = exports.entry_proof(self.desk.core, req.context.caller.tenant_id, number)
        self._text(resp, f"entry-{number}.tlog-proof", text)

    on_head = on_get


class ActivityProof(_File):
    """``activity-proof?activity=``: the C2SP tlog-proof of a registered activity, by its id or DID."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """200, or 404 for one that isn't registered."""
        tenant_id, name = req.context.caller.tenant_id, req.get_param("activity") or ""
        row = exports.registration(self.desk.core, tenant_id, name)
        text = exports.activity_proof(self.desk.core, tenant_id, row.activity_id)
        self._text(resp, f"{row.did.rpartition(':')[2][:16]}.tlog-proof", text)

    on_head = on_get


class ProofsFile(_File):
    """``proofs?from=&entry=``: what static/verify.js works with (``checkpoint_check.evidence``), as JSON."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """200."""
        old, index = index_of(req.get_param("from")), index_of(req.get_param("entry"))
        found = checkpoint_check.evidence(self.desk.core, req.context.caller.tenant_id, old, index)
        resp.set_headers(HEADERS)
        resp.text = json.dumps(found)

    on_head = on_get


class _Held:
    """A bundle on its way, which holds one of the places for such. A server closes what it was given to send,
    however the sending ended (PEP 3333)."""

    def __init__(self, begin: Callable[[], Iterator[bytes]]) -> None:
        """Raises Busy, and begins nothing, where all places are taken."""
        self._holds = _PLACES.acquire(blocking=False)
        if not self._holds:
            raise Busy(f"this server sends {AT_ONCE} bundles at once, and they are under way", _SOON)
        try:
            self._pieces = begin()
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def close(self) -> None:
        """The place is free again."""
        if self._holds:
            self._holds = False
            _PLACES.release()

    __del__ = close


class BundleFile(_File):
    """``bundle/file``: the whole log with all that it takes to check it, as it is read."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """200, or 503 while others are being sent: each keeps a thread busy that deliveries wait for too."""
        tenant_id = req.context.caller.tenant_id
        resp.set_headers(HEADERS)
        resp.content_type = "application/zip"
        resp.downloadable_as = exports.default_path(self.desk.core, tenant_id).name
        if req.method == "GET":
            resp.stream = _Held(lambda: bundle_stream.stream(self.desk.core, tenant_id))

    on_head = on_get


class VerifierFile(_File):
    """``verifier.py``: the one file that an auditor runs."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """200."""
        del req
        self._text(resp, "verifier.py", verifier_text()[0])

    on_head = on_get


@lru_cache(maxsize=1)
def verifier_text() -> tuple[str, str]:
    """The verifier's source and its SHA-256."""
    path = Path(verifier.__file__)
    if path.suffix != ".py":
        raise NotFound("the verifier's source isn't installed here")
    data = path.read_bytes()
    return data.decode("utf-8"), hashlib.sha256(data).hexdigest()


FILES: Mapping[str, Callable[[Desk], object]] = {
    "/checkpoint": CheckpointFile,
    "/proofs": ProofsFile,
    "/activity-proof": ActivityProof,
    "/entries/{index}/proof": EntryProof,
    "/bundle/file": BundleFile,
    "/verifier.py": VerifierFile,
}
"""By what their addresses end in."""
