"""What is remembered of providers: for a while, and never longer than it holds."""

from __future__ import annotations

import ipaddress

import pytest
from joserfc import jwt
from oidc import KEY, Provider, new_key

from dxflow.engine.errors import Invalid, Unavailable
from dxflow.engine.moments import system_clock
from dxflow.engine.outgoing import Outgoing, Refused
from dxflow.engine.sso.discovery import KEPT_S, Directory, discover
from dxflow.engine.sso.faults import Unproven
from dxflow.engine.sso.id_tokens import ALGORITHMS, Expected, proven

DOCUMENT = "/.well-known/openid-configuration"
OUTGOING = Outgoing(system_clock, (ipaddress.ip_network("127.0.0.0/8"),))
NOW = 1_800_000_000


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def directory(seconds: Seconds) -> Directory:
    return Directory(OUTGOING, seconds)


def test_documents_and_keys_are_asked_for_again_after_a_while(
    provider: Provider, directory: Directory, seconds: Seconds
) -> None:
    for _ in range(3):
        directory.keys(directory.of(provider.issuer))
    assert provider.seen == [DOCUMENT, "/jwks"]
    seconds.now = KEPT_S + 1
    directory.keys(directory.of(provider.issuer))
    assert provider.seen == [DOCUMENT, "/jwks", DOCUMENT, "/jwks"]


def test_a_fault_is_not_remembered(provider: Provider, directory: Directory) -> None:
    provider.document["issuer"] = "https://accounts.example"
    with pytest.raises(Unproven):
        directory.of(provider.issuer)
    provider.document.clear()
    assert directory.of(provider.issuer).issuer == provider.issuer


@pytest.mark.parametrize("tail", ["", "/", "/realms/acme", "/realms/acme/"])
def test_the_document_lies_below_the_issuer_and_names_it_to_the_letter(provider: Provider, tail: str) -> None:
    asked = provider.issuer + tail
    path = f"{tail.rstrip('/')}{DOCUMENT}"
    right = provider._right(DOCUMENT, {})
    provider.answers[path] = lambda: right
    provider.document["issuer"] = asked
    right = provider._right(DOCUMENT, {})
    assert discover(OUTGOING, asked).issuer == asked
    assert provider.seen == [path]


@pytest.mark.parametrize(
    "issuer", ["accounts.example", "https://a:b@accounts.example", "https://accounts.example#x"]
)
def test_an_issuer_is_an_address(issuer: str) -> None:
    with pytest.raises(Invalid):
        discover(OUTGOING, issuer)


def test_an_issuer_inside_is_refused_before_it_is_asked(provider: Provider) -> None:
    with pytest.raises(Refused):
        discover(Outgoing(system_clock), provider.issuer)
    assert provider.seen == []


def test_a_provider_has_two_turns_at_once_and_all_of_them_three(directory: Directory) -> None:
    with directory.turn("a"), directory.turn("a"):
        with pytest.raises(Unavailable), directory.turn("a"):
            raise AssertionError
        with directory.turn("b"), pytest.raises(Unavailable), directory.turn("c"):
            raise AssertionError
    with directory.turn("a"), directory.turn("a"), directory.turn("c"):
        pass


def signed(provider: Provider, **header: object) -> str:
    claims = {"iss": provider.issuer, "sub": "s", "aud": "c", "exp": NOW + 60, "iat": NOW, "nonce": "n"}
    return jwt.encode({"alg": "RS256", **header}, claims, provider.key)


EXPECTED = Expected("c", "n", "access", NOW)


def test_a_token_without_a_key_id_goes_by_the_only_key(provider: Provider, directory: Directory) -> None:
    known = directory.of(provider.issuer)
    assert proven(directory, known, signed(provider), EXPECTED).sub == "s"
    provider.key = new_key("second")
    provider.published = [provider.key]
    assert proven(directory, known, signed(provider), EXPECTED).sub == "s", "the key was changed meanwhile"
    assert provider.seen.count("/jwks") == 2


def test_a_token_without_a_key_id_goes_by_none_of_several(provider: Provider, directory: Directory) -> None:
    provider.published = [KEY, new_key("second")]
    with pytest.raises(Unproven, match="invalid_key_id"):
        proven(directory, directory.of(provider.issuer), signed(provider), EXPECTED)


def test_keys_are_asked_for_once_more_and_not_again(provider: Provider, directory: Directory) -> None:
    known = directory.of(provider.issuer)
    directory.keys(known)
    with pytest.raises(Unproven):
        proven(directory, known, signed(provider, kid="nobody's"), EXPECTED)
    assert provider.seen.count("/jwks") == 2


@pytest.mark.parametrize(
    ("late", "holds"), [(60 + 119, True), (60 + 120, False), (-120, True), (-121, False)]
)
def test_two_minutes_are_forgiven_and_no_more(
    provider: Provider, directory: Directory, late: int, holds: bool
) -> None:
    expected = EXPECTED._replace(now=NOW + late)
    known = directory.of(provider.issuer)
    if holds:
        assert proven(directory, known, signed(provider), expected).sub == "s"
    else:
        with pytest.raises(Unproven):
            proven(directory, known, signed(provider), expected)


def test_every_algorithm_takes_a_private_key() -> None:
    assert ALGORITHMS
    assert {name[:2] for name in ALGORITHMS} == {"RS", "PS", "ES"}
