"""What a DID is made of, which spellings are read, and what the resolver says about one."""

from __future__ import annotations

import contextlib
import hashlib
import re
import uuid
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from Crypto.Hash import keccak
from hypothesis import given
from hypothesis import strategies as st

from dxflow.engine.errors import Invalid
from dxflow.engine.identity import did

UUID = "919108f7-52d1-4320-9bac-f847db4148a8"  # RFC 9562 appendix A.3
DID = "did:dep:f2c6051a4bb2ce5345c3b23f822e2394211b77fe90c63bcee3e20a9fab7e08c0"


def test_the_pinned_uuid_gives_the_pinned_did() -> None:
    assert did.derive(UUID) == DID


def test_keccak_256_is_not_mistaken_for_sha3_256() -> None:
    assert did.derive(UUID) != "did:dep:" + keccak.new(data=UUID.encode(), digest_bits=256).hexdigest()


def test_the_method_s_specification_gives_true_answers() -> None:
    text = (Path(__file__).parents[3] / "docs" / "did-method.md").read_text(encoding="utf-8")
    known = re.findall(r"^\| `([0-9a-f-]{36})` \| `(did:dep:[0-9a-f]{64})` \|$", text, re.MULTILINE)
    assert len(known) == 2
    assert all(did.derive(value) == name for value, name in known)
    wrong = keccak.new(data=UUID.encode(), digest_bits=256).hexdigest()
    assert f"`{wrong[:8]}…{wrong[-4:]}` for the first" in text


@pytest.mark.parametrize(
    "spelling",
    [
        UUID.upper(),
        "{" + UUID + "}",
        "{" + UUID.upper() + "}",
        "urn:uuid:" + UUID,
        "URN:UUID:" + UUID.upper(),
        UUID.replace("-", ""),
        uuid.UUID(UUID),
    ],
)
def test_every_spelling_of_a_uuid_gives_the_same_did(spelling: str | uuid.UUID) -> None:
    assert did.canonical(spelling) == UUID
    assert did.derive(spelling) == DID


@given(st.uuids())
def test_any_uuid_survives_upper_case_braces_and_urn(value: uuid.UUID) -> None:
    spellings = [value, str(value).upper(), f"{{{value}}}", f"urn:uuid:{value}", value.hex]
    assert {did.canonical(spelling) for spelling in spellings} == {str(value)}
    assert did.derive(value).endswith(hashlib.sha3_256(str(value).encode()).hexdigest())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not-a-uuid",
        UUID[:-1],
        UUID + "0",
        UUID + "\n",
        " " + UUID,
        "{" + UUID,
        UUID + "}",
        UUID.replace("-", "_"),
        "9191-08f752d1-4320-9bac-f847db4148a8",
        "0x9108f752d143209bacf847db4148a8__",
        "９" + UUID[1:],
    ],
)
def test_what_is_not_a_uuid_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        did.canonical(text)
    assert refusal.value.field == "id"


@given(st.text())
def test_no_text_raises_anything_but_invalid(text: str) -> None:
    for read in (did.canonical, did.require_v4, did.parse):
        with contextlib.suppress(Invalid):
            assert read(text)


@given(st.uuids(version=4))
def test_a_version_4_uuid_is_accepted_for_a_person(value: uuid.UUID) -> None:
    assert did.require_v4(str(value).upper()) == str(value)


@pytest.mark.parametrize(
    ("why", "text"),
    [
        ("version 1 tells time and node", "c232ab00-9414-11ec-b3c8-9f6bdeced846"),
        ("version 3 can be guessed", "5df41881-3aed-3515-88a7-2f4a814cf09e"),
        ("version 5 can be guessed", "2ed6657d-e927-568b-95e1-2665a8aea6a2"),
        ("version 6 tells time", "1ec9414c-232a-6b00-b3c8-9f6bdeced846"),
        ("version 7 tells time", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"),
        ("version 8 is anyone's", "2489e9ad-2ee2-8e00-8ec9-32d5f69181c0"),
        ("nil", "00000000-0000-0000-0000-000000000000"),
        ("max", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
        ("version digit 4 in another variant", "919108f7-52d1-4320-cbac-f847db4148a8"),
    ],
)
def test_any_other_uuid_is_refused_for_a_person(why: str, text: str) -> None:
    with pytest.raises(Invalid, match="not a version 4 UUID"):
        did.require_v4(text)


@pytest.mark.parametrize("method", ["", "Dep", "de-p", "de:p", "dép", "dep\n"])
def test_a_method_name_outside_the_abnf_is_refused(method: str) -> None:
    with pytest.raises(Invalid):
        did.derive(UUID, method)


def test_another_method_name_changes_the_did_s_method_alone() -> None:
    assert did.derive(UUID, "example2") == DID.replace("did:dep:", "did:example2:")


def test_upper_case_digits_of_our_own_did_become_lower_case() -> None:
    digits = DID.removeprefix("did:dep:")
    assert did.parse("did:dep:" + digits.upper()) == ("dep", digits)


def test_another_method_s_id_is_left_as_it_is() -> None:
    assert did.parse("did:web:Example.com:user:Ada") == ("web", "Example.com:user:Ada")
    assert did.parse("did:x:" + "AB" * 32, method="dep") == ("x", "AB" * 32)


@pytest.mark.parametrize("text", ["did:a:b", "did:1:..", "did:a:%41:_-", "did:a::b", "did:a:::b"])
def test_the_abnf_s_corners_are_dids(text: str) -> None:
    method, identifier = did.parse(text)
    assert f"did:{method}:{identifier}" == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "did:",
        "did:dep",
        "did:dep:",
        "did:a:b:",
        "DID:a:b",
        "did:A:b",
        "did:a:b\n",
        "did:a:%4",
        "did:a:%zz",
        "did:a:b#key",
        "did:a:b/path",
        "did:a:b?query",
        "did:a:é",
        " did:a:b",
        DID[:-1],
        DID + "0",
        DID[:-1] + "g",
        DID + "#key",
    ],
)
def test_what_is_not_a_did_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        did.parse(text)
    assert refusal.value.field == "did"


def test_only_a_well_formed_did_of_our_method_is_ours() -> None:
    assert did.is_ours(DID, "dep")
    assert did.is_ours("did:dep:" + DID[8:].upper(), "dep")
    assert not did.is_ours(DID, "other")
    assert not did.is_ours("did:dep:1234", "dep")
    assert not did.is_ours("did:web:example.com", "dep")
    assert not did.is_ours("nonsense", "dep")


def test_a_document_has_its_id_and_controller_and_no_key_of_its_own() -> None:
    assert did.document(DID, "did:dep:" + "ab" * 32) == {
        "@context": ["https://www.w3.org/ns/did/v1"],
        "id": DID,
        "controller": "did:dep:" + "ab" * 32,
    }


def test_a_controller_s_document_publishes_its_log_keys() -> None:
    # The key of RFC 8032's all-zero seed, whose did:key form the did:key test vectors give.
    key = bytes.fromhex("3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29")
    name = "z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"
    document = did.document(DID, None, [key])
    assert "controller" not in document
    assert document["verificationMethod"] == [
        {"id": f"{DID}#{name}", "type": "Multikey", "controller": DID, "publicKeyMultibase": name}
    ]
    assert document["assertionMethod"] == [f"{DID}#{name}"]
    assert document["@context"] == ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"]


def test_a_key_of_the_wrong_length_is_not_published() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        did.document(DID, None, [b"short"])


def test_a_resolution_carries_the_document_and_whole_second_times() -> None:
    moment = datetime(2026, 11, 23, 17, 30, 1, 987_654, tzinfo=timezone(timedelta(hours=1)))
    result = did.resolution(did.document(DID, None), None, {"created": moment, "deactivated": True})
    assert result["didDocument"] == did.document(DID, None)
    assert result["didResolutionMetadata"] == {"contentType": "application/did+ld+json"}
    assert result["didDocumentMetadata"] == {"created": "2026-11-23T16:30:01Z", "deactivated": True}
    assert result["@context"] == "https://www.w3.org/ns/did-resolution/v1"


def test_a_failed_resolution_carries_an_rfc_9457_object_and_no_document() -> None:
    result = did.resolution(None, "NOT_FOUND")
    assert result["didDocument"] is None
    assert result["didDocumentMetadata"] == {}
    assert result["didResolutionMetadata"] == {
        "error": {"type": "https://www.w3.org/ns/did#NOT_FOUND", "title": "Not found"}
    }


@pytest.mark.parametrize(
    ("document", "error"), [(None, None), ({"id": DID}, "NOT_FOUND"), (None, "notFound"), (None, "")]
)
def test_a_resolution_is_either_a_document_or_a_known_error(
    document: dict[str, object] | None, error: str | None
) -> None:
    with pytest.raises(ValueError, match=r"either|no error"):
        did.resolution(document, error)


def test_a_moment_without_a_time_zone_is_refused() -> None:
    naive = datetime(2026, 1, 2, tzinfo=UTC).replace(tzinfo=None)
    with pytest.raises(ValueError, match="time zone"):
        did.resolution({"id": DID}, None, {"created": naive})
