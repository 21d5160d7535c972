"""``GET /1.0/identifiers/{did}``: the HTTPS binding of DID Resolution 1.0, as the Universal Resolver calls it.

Anybody may ask: a document names its controller and, for a controller, the keys its log is signed with; of a
person it tells nothing but that the identifier was issued here.
"""

from __future__ import annotations

import json
from datetime import datetime

import falcon

from ..engine.core import Core
from ..engine.errors import Invalid
from ..engine.identity import did
from ..engine.store import models

RESULT = "application/did-resolution"
_RESULTS = (RESULT, "application/json", 'application/ld+json;profile="https://w3id.org/did-resolution"')
_JSON = "application/did+json"
_DOCUMENTS = ("application/did", "application/did+ld+json", _JSON, "application/ld+json")


class Resolver:
    """Answers with the whole resolution result, or with the document alone where its media type is asked for.

    200, 400 (not a DID), 404 (not issued here), 406, 410 (deactivated), 501 (another method's DID).
    """

    def __init__(self, core: Core, public_url: str) -> None:
        self._core = core
        self._public_url = public_url

    def on_get(self, req: falcon.Request, resp: falcon.Response, identifier: str) -> None:
        """Resolve. Errors too are resolution results."""
        wanted = req.client_prefers((*_RESULTS, *_DOCUMENTS))
        if wanted is None:
            _refuse(resp, "REPRESENTATION_NOT_SUPPORTED")
        elif req.query_string:
            _refuse(resp, "INVALID_OPTIONS")
        elif error := self._fault(identifier):
            _refuse(resp, error)
        else:
            self._answer(resp, identifier, wanted)

    on_head = on_get

    def _fault(self, name: str) -> str | None:
        """What is wrong with the text itself."""
        if any(mark in name for mark in "/?#;"):
            return "INVALID_DID_URL"
        try:
            method, _ = did.parse(name, self._core.did_method)
        except Invalid:
            return "INVALID_DID"
        return None if method == self._core.did_method else "METHOD_NOT_SUPPORTED"

    def _answer(self, resp: falcon.Response, name: str, wanted: str) -> None:
        method, identifier = did.parse(name, self._core.did_method)
        with self._core.store.reachable():
            row = models.Did.get_or_none(did=f"did:{method}:{identifier}")
            document = None if row is None else self._document(row)
        if row is None or document is None:
            _refuse(resp, "NOT_FOUND")
            return
        metadata: dict[str, str | bool | datetime] = {"created": row.created_at}
        if row.deactivated_at is not None:
            metadata |= {"updated": row.deactivated_at, "deactivated": True}
            resp.status = falcon.HTTP_410
        resp.content_type = wanted
        _for_browsers(resp)
        if wanted in _RESULTS:
            document = did.resolution(document, None, metadata)
        elif wanted == _JSON:
            del document["@context"]  # an entry of JSON-LD alone (DID Core 1.0 section 6.3)
        resp.text = json.dumps(document)

    def _document(self, row: models.Did) -> dict[str, object]:
        if row.kind == "data_controller":
            keys = [key.public_key for key in self._core.signing.active()]
            return did.document(row.did, None, keys, {"log": f"{self._public_url}/log/{row.did}"})
        return did.document(row.did, did.derive(row.tenant_id, self._core.did_method))


def _for_browsers(resp: falcon.Response) -> None:
    """Documents are public: pages of any origin may read them. What is deactivated today may not have been
    yesterday, so nobody keeps an answer without asking."""
    resp.set_header("Access-Control-Allow-Origin", "*")
    resp.set_header("Cache-Control", "no-cache")


def _refuse(resp: falcon.Response, error: str) -> None:
    resp.status = falcon.code_to_http_status(did.ERROR_STATUS[error])
    resp.content_type = RESULT
    _for_browsers(resp)
    resp.text = json.dumps(did.resolution(None, error))
