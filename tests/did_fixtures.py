"""Fixtures for the W3C did-test-suite, resolved by a running server: ``make did-fixtures``.

The suite (DID Core 1.0) takes two static files: documents of a method in each representation, and executions of
a resolver. Everything in them is what ``GET /1.0/identifiers/{did}`` answered; one thing is translated, because
the suite is older than DID Resolution 1.0: an error is an object with a URI there, and here a keyword.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from server import Installation, Server, installed
from wire import Client

from waiting import wait_until

METHOD = "did:dep"
ABOUT = {"didMethod": METHOD, "implementation": "dxflow", "implementer": "The dxflow maintainers"}
TYPES = ("application/did+ld+json", "application/did+json")
KEYWORDS = {"INVALID_DID": "invalidDid", "NOT_FOUND": "notFound"}
"""Errors of DID Resolution 1.0 and what DID Core 1.0 section 7.1.2 calls them."""

UNKNOWN = f"{METHOD}:{'0' * 64}"
MALFORMED = f"{METHOD}_{'0' * 64}"


class Resolver:
    """Asks a running server."""

    def __init__(self, port: int) -> None:
        self._client = Client(port)

    def document(self, did: str, media_type: str) -> tuple[int, str, str]:
        """Status, content type and body of the document alone."""
        answer = self._client.request("GET", f"/1.0/identifiers/{did}", None, {"Accept": media_type})
        return answer.status, answer.headers["content-type"], answer.body.decode()

    def result(self, did: str) -> Any:
        """The whole resolution result."""
        return self._client.request("GET", f"/1.0/identifiers/{did}").document

    def post(self, path: str, body: Mapping[str, object], key: str) -> Any:
        """Make something through the API."""
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        answer = self._client.request("POST", path, json.dumps(body).encode(), headers)
        assert answer.status == 201, answer.body
        return answer.document


def method_fixture(resolver: Resolver, dids: list[str]) -> dict[str, object]:
    """Documents in each representation, and their data model apart from it."""
    found: dict[str, object] = {
        **ABOUT,
        "supportedContentTypes": list(TYPES),
        "dids": dids,
        "didParameters": {},
    }
    for did in dids:
        metadata = resolver.result(did)["didDocumentMetadata"]
        forms: dict[str, object] = {}
        for media_type in TYPES:
            _, content_type, text = resolver.document(did, media_type)
            document = json.loads(text)
            context = {"@context": document.pop("@context")} if "@context" in document else {}
            forms["didDocumentDataModel"] = {"properties": document}
            forms[media_type] = {
                "didDocumentDataModel": {"representationSpecificEntries": context},
                "representation": text,
                "didDocumentMetadata": metadata,
                "didResolutionMetadata": {"contentType": content_type},
            }
        found[did] = forms
    return found


def resolver_fixture(resolver: Resolver, active: list[str], deactivated: str) -> dict[str, object]:
    """Executions, and which outcome each has."""
    resolved = [_resolved(resolver, did) for did in [*active, deactivated]]
    outcomes = {
        "defaultOutcome": list(range(len(active))),
        "deactivatedOutcome": [len(active)],
        "invalidDidErrorOutcome": [len(resolved)],
        "notFoundErrorOutcome": [len(resolved) + 1],
        "representationNotSupportedErrorOutcome": [],
    }
    executions = [*resolved, _refused(resolver, MALFORMED), _refused(resolver, UNKNOWN)]
    return {**ABOUT, "expectedOutcomes": outcomes, "executions": executions}


def _resolved(resolver: Resolver, did: str) -> dict[str, object]:
    status, content_type, text = resolver.document(did, TYPES[0])
    assert status in (200, 410), text
    return {
        "function": "resolveRepresentation",
        "input": {"did": did, "resolutionOptions": {"accept": TYPES[0]}},
        "output": {
            "didResolutionMetadata": {"contentType": content_type},
            "didDocumentStream": text,
            "didDocumentMetadata": resolver.result(did)["didDocumentMetadata"],
        },
    }


def _refused(resolver: Resolver, did: str) -> dict[str, object]:
    result = resolver.result(did)
    error = result["didResolutionMetadata"]["error"]["type"].rpartition("#")[2]
    return {
        "function": "resolve",
        "input": {"did": did, "resolutionOptions": {}},
        "output": {
            "didResolutionMetadata": {"error": KEYWORDS[error]},
            "didDocument": result["didDocument"],
            "didDocumentMetadata": result["didDocumentMetadata"],
        },
    }


def _people(installation: Installation, resolver: Resolver) -> tuple[list[str], str]:
    """A controller, a data subject and an activity; and a subject that another program erased since."""
    tenant = installation.tenant
    subject = resolver.post("/api/v1/data-subjects", {"email": "ada@example.org"}, tenant["api_key"])
    gone = resolver.post("/api/v1/data-subjects", {"email": "gone@example.org"}, tenant["api_key"])
    body = {"activity_type": "order", "legal_basis": "contract", "purpose": "order fulfilment"}
    activity = resolver.post("/api/v1/processing-activities", body, tenant["api_key"])
    every = [tenant["did"], subject["did"], activity["did"]]
    wait_until(lambda: all(resolver.document(did, TYPES[0])[0] == 200 for did in every), what="the DIDs")
    with closing(sqlite3.connect(installation.directory / "dxflow.db", timeout=20)) as database, database:
        database.execute("UPDATE data_subjects SET state = 'erased' WHERE id = ?", (gone["id"],))
    wait_until(lambda: resolver.document(gone["did"], TYPES[0])[0] == 410, what="the deactivation")
    return every, gone["did"]


def write(directory: Path) -> list[Path]:
    """Start a server on a directory of its own, resolve, and write both files."""
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="dxflow-did-") as place:
        installation = installed().copy(Path(place) / "data")
        server = Server(installation.directory, "serve").start().ready()
        try:
            resolver = Resolver(server.port)
            active, deactivated = _people(installation, resolver)
            made = {
                "did-dep-dxflow.json": method_fixture(resolver, active),
                "resolver-dep-dxflow.json": resolver_fixture(resolver, active, deactivated),
            }
        finally:
            server.close()
    for name, content in made.items():
        (directory / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return [directory / name for name in made]


if __name__ == "__main__":
    for path in write(Path(sys.argv[1])):
        print(path)
