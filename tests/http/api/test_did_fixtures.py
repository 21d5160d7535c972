"""The fixtures for the W3C did-test-suite hold what that suite asks of them, as far as it can be asked here."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import did_fixtures
import pytest

DID = re.compile(r"did:[a-z0-9]+:((?:[A-Za-z0-9._-]|%[0-9A-Fa-f]{2})*:)*(?:[A-Za-z0-9._-]|%[0-9A-Fa-f]{2})+")


@pytest.fixture(scope="module")
def fixtures(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    paths = did_fixtures.write(tmp_path_factory.mktemp("fixtures"))
    return [json.loads(Path(path).read_text()) for path in paths]


def test_every_representation_says_the_same_as_the_data_model(fixtures: list[Any]) -> None:
    method, _ = fixtures
    assert len(method["dids"]) == 3
    for did in method["dids"]:
        properties = method[did]["didDocumentDataModel"]["properties"]
        assert properties["id"] == did
        for media_type in method["supportedContentTypes"]:
            form = method[did][media_type]
            specific = form["didDocumentDataModel"]["representationSpecificEntries"]
            assert json.loads(form["representation"]) == properties | specific
            assert form["didResolutionMetadata"]["contentType"] == media_type
    first = method[method["dids"][0]]["application/did+ld+json"]
    assert first["didDocumentDataModel"]["representationSpecificEntries"]["@context"][0].endswith(
        "/ns/did/v1"
    )


def test_every_execution_has_its_outcome(fixtures: list[Any]) -> None:
    _, resolver = fixtures
    outcomes, executions = resolver["expectedOutcomes"], resolver["executions"]
    assert sorted(index for indexes in outcomes.values() for index in indexes) == list(range(len(executions)))
    [invalid] = outcomes["invalidDidErrorOutcome"]
    assert not DID.fullmatch(executions[invalid]["input"]["did"])
    assert executions[invalid]["output"]["didResolutionMetadata"] == {"error": "invalidDid"}
    [missing] = outcomes["notFoundErrorOutcome"]
    assert executions[missing]["output"] == {
        "didResolutionMetadata": {"error": "notFound"},
        "didDocument": None,
        "didDocumentMetadata": {},
    }
    [gone] = outcomes["deactivatedOutcome"]
    assert executions[gone]["output"]["didDocumentMetadata"]["deactivated"] is True
    for index in [*outcomes["defaultOutcome"], gone]:
        output = executions[index]["output"]
        assert json.loads(output["didDocumentStream"])["id"] == executions[index]["input"]["did"]
        for moment in ("created", "updated"):
            assert re.fullmatch(
                r"(\d{4}(-\d\d){2}T(\d\d:){2}\d\dZ)?", output["didDocumentMetadata"].get(moment, "")
            )
