"""Blind indexes: equal within a tenant and field, unrelated everywhere else."""

from __future__ import annotations

import hashlib
import hmac
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dxflow.engine.errors import Invalid
from dxflow.engine.identity import links

TENANT_KEY = bytes(range(32))
TENANT = "919108f7-52d1-4320-9bac-f847db4148a8"
OTHER_TENANT = "0b5b3c7e-2f6a-4c1d-8e9f-1a2b3c4d5e6f"


def by_hand(tenant_key: bytes, tenant: str, field: str, value: str) -> bytes:
    """RFC 5869 and RFC 2104 with nothing but the standard library."""
    extracted = hmac.digest(bytes(32), tenant_key, "sha256")
    info = b"dx/bidx/v1\0" + uuid.UUID(tenant).bytes + b"\0" + field.encode()
    key = hmac.digest(extracted, info + b"\x01", "sha256")
    return hmac.new(key, field.encode() + b"\0" + value.encode(), hashlib.sha256).digest()


def test_a_link_is_hmac_sha256_under_an_hkdf_sha256_key() -> None:
    key = links.index_key(TENANT_KEY, TENANT, "email")
    expected = by_hand(TENANT_KEY, TENANT, "email", "ada@example.com")
    assert links.blind(key, "email", "ada@example.com") == expected
    assert len(expected) == links.LINK_BYTES


def test_a_link_never_changes_between_releases() -> None:
    key = links.index_key(TENANT_KEY, TENANT, "email")
    link = links.blind(key, "email", "ada@example.com").hex()
    assert link == "f5bea5f4262ddef9f13807229df896ea57939ed037af4fb2269712b49aff042d"


def test_the_tenant_s_id_may_be_spelt_any_way() -> None:
    assert links.index_key(TENANT_KEY, TENANT.upper(), "email") == links.index_key(
        TENANT_KEY, TENANT, "email"
    )


@given(st.text(min_size=1), st.text(min_size=1))
def test_links_are_equal_exactly_when_values_are(one: str, two: str) -> None:
    key = links.index_key(TENANT_KEY, TENANT, "email")
    assert (links.blind(key, "email", one) == links.blind(key, "email", two)) == (one == two)


def test_two_tenants_fed_the_same_people_share_no_link() -> None:
    people = [f"customer{n}@example.com" for n in range(1000)]
    keys = [links.index_key(TENANT_KEY, tenant, "email") for tenant in (TENANT, OTHER_TENANT)]
    mine, theirs = ({links.blind(key, "email", person) for person in people} for key in keys)
    assert len(mine) == len(theirs) == 1000
    assert mine.isdisjoint(theirs)


def test_fields_and_tenant_keys_separate_links_too() -> None:
    email = links.index_key(TENANT_KEY, TENANT, "email")
    phone = links.index_key(TENANT_KEY, TENANT, "phone")
    rotated = links.index_key(bytes(32), TENANT, "email")
    assert len({email, phone, rotated}) == 3
    assert links.blind(email, "email", "x") != links.blind(email, "phone", "x")


def test_a_lone_surrogate_is_a_value_like_any_other() -> None:
    key = links.index_key(TENANT_KEY, TENANT, "external_id")
    assert links.blind(key, "external_id", "\ud800") != links.blind(key, "external_id", "\ud801")


def test_an_empty_value_is_refused_because_it_would_merge_everybody_without_one() -> None:
    with pytest.raises(Invalid) as refusal:
        links.blind(links.index_key(TENANT_KEY, TENANT, "phone"), "phone", "")
    assert refusal.value.field == "phone"


@pytest.mark.parametrize("field", ["", "e mail", "email\0", "é", "1x"])
def test_a_field_that_could_blur_into_its_value_is_refused(field: str) -> None:
    with pytest.raises(ValueError, match="field"):
        links.index_key(TENANT_KEY, TENANT, field)
    with pytest.raises(ValueError, match="field"):
        links.blind(bytes(32), field, "x")


@pytest.mark.parametrize("key", [b"", bytes(16), bytes(33)])
def test_a_tenant_key_of_another_length_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        links.index_key(key, TENANT, "email")


def test_a_tenant_that_is_no_uuid_is_refused() -> None:
    with pytest.raises(Invalid):
        links.index_key(TENANT_KEY, "tenant-1", "email")
