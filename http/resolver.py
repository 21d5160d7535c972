"""``GET /1.0/identifiers/{did}``: the HTTPS binding of DID Resolution 1.0, as the Universal Resolver calls it.

Anybody may ask: a document names its controller and, for a controller, the keys its log is signed with; of a
person it tells nothing but that the identifier was issued here. DIDs are resolved and DID URLs aren't
dereferenced.
"""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import falcon
from falcon.util import mediatypes

from ..engine.core import Core
from ..engine.errors import Invalid
from ..engine.identity import did
from ..engine.services.subjects import dids
from . import prefix

RESULT = "application/did-resolution"
_PROFILE = "https://w3id.org/did-resolution"
_PROFILED = f'application/ld+json;profile="{_PROFILE}"'
_RESULTS = (RESULT, "application/json", _PROFILED)
"""Media types of a whole resolution result; the last one is DID Resolution's before it had one of its own."""
_JSON = "application/did+json"
_DOCUMENTS = ("application/did", did.MEDIA_TYPE, _JSON, "application/ld+json")
_OFFERED = (RESULT, "application/json", *_DOCUMENTS)
_OPTIONS = ("nocache", "expandrelativeurls")
"""Options that change nothing here: no answer comes from a cache, and no document holds a relative URL."""


class Resolver:
    """Answers with the whole resolution result, or with the document alone where its media type is asked for.

    200, 400 (not a DID, or an option's value is wrong), 404 (not issued here), 406, 410 (deactivated), 501
    (another method's DID, or an option that isn't supported).
    """

    def __init__(self, core: Core, public_url: str) -> None:
        self._core = core
        parts = urlsplit(public_url)
        self._site = f"{parts.scheme}://{parts.netloc}"

    def on_get(self, req: falcon.Request, resp: falcon.Response, identifier: str) -> None:
        """Resolve. Errors too are resolution results; after Accept, in the order of its section 4.4."""
        _for_browsers(resp)
        wanted = _wanted(req)
        try:
            if wanted is None:
                raise _Refused("REPRESENTATION_NOT_SUPPORTED", f"Accept one of {', '.join(_OFFERED)}")
            name = self._name(identifier)
            _check_options(req)
            found = dids.resolve(self._core, name, self._site + prefix.of(req))
            if found is None:
                raise _Refused("NOT_FOUND", "this DID was not issued here")
        except _Refused as refused:
            resp.status = falcon.code_to_http_status(did.ERROR_STATUS[refused.error])
            resp.content_type = wanted if wanted in _RESULTS else RESULT
            resp.text = json.dumps(did.resolution(None, refused.error, detail=refused.detail))
        else:
            _answer(resp, found, wanted)

    on_head = on_get

    def on_options(self, req: falcon.Request, resp: falcon.Response, identifier: str) -> None:
        """What a browser asks before a request that it finds unusual: an Accept with a profile is one."""
        del req, identifier
        _for_browsers(resp)
        resp.set_header("Allow", "GET, HEAD, OPTIONS")
        resp.set_header("Access-Control-Allow-Methods", "GET, HEAD")
        resp.set_header("Access-Control-Allow-Headers", "Accept")

    def _name(self, text: str) -> str:
        """The DID in its normal form; what is wrong with the text itself is refused."""
        if any(mark in text for mark in "/?#;"):
            raise _Refused("INVALID_DID_URL", "DIDs are resolved here; DID URLs aren't dereferenced")
        try:
            method, identifier = did.parse(text, self._core.did_method)
        except Invalid as invalid:
            raise _Refused("INVALID_DID", invalid.detail) from None
        if method != self._core.did_method:
            raise _Refused("METHOD_NOT_SUPPORTED", f"only did:{self._core.did_method} is resolved here")
        return f"did:{method}:{identifier}"


class _Refused(Exception):
    """``error`` is one of ``did.ERROR_STATUS``; ``detail`` is for people."""

    def __init__(self, error: str, detail: str) -> None:
        super().__init__(detail)
        self.error, self.detail = error, detail


def _wanted(req: falcon.Request) -> str | None:
    """The best media type for the Accept header, None if nothing fits or it can't be read.

    Falcon holds a type with a profile and one without for the same, so the profile counts only where it is
    named.
    """
    accept = req.accept.lower()
    offered = (_PROFILED, *_OFFERED) if _PROFILE in accept else _OFFERED
    try:
        return mediatypes.best_match(offered, accept) or None
    except ValueError:
        return None


def _check_options(req: falcon.Request) -> None:
    """Resolution options come as query parameters; all that are known have true and false for values."""
    for name, value in falcon.uri.parse_query_string(req.query_string, keep_blank=True).items():
        if name.lower() not in _OPTIONS:
            raise _Refused("FEATURE_NOT_SUPPORTED", "the only options are noCache and expandRelativeUrls")
        if value not in ("true", "false"):
            raise _Refused("INVALID_OPTIONS", "an option's value is true or false, and given once")


def _answer(resp: falcon.Response, found: dids.Resolved, wanted: str) -> None:
    if found.deactivated:
        resp.status = falcon.HTTP_410
    resp.content_type = wanted
    body = found.document
    if wanted in _RESULTS:
        body = did.resolution(found.document, None, found.metadata)
    elif wanted == _JSON:
        del body["@context"]  # an entry of JSON-LD alone (DID Core 1.0 section 6.3)
    resp.text = json.dumps(body)


def _for_browsers(resp: falcon.Response) -> None:
    """Documents are public: pages of any origin may read them. What is deactivated today may not have been
    yesterday, so nobody keeps an answer without asking."""
    resp.set_header("Access-Control-Allow-Origin", "*")
    resp.set_header("Cache-Control", "no-cache")
    resp.set_header("Vary", "Accept")
