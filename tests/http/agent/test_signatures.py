"""Signed requests (RFC 9421, RFC 9530), on their own: what is signed, and what breaks it."""

from __future__ import annotations

import base64
import hashlib

import pytest
from Crypto.PublicKey import ECC
from Crypto.Signature import eddsa

from dxflow.engine.agent import signatures
from dxflow.engine.agent.key import EngineKey
from dxflow.engine.errors import NotAuthentic

# RFC 9421 appendix B.1.4, the key "test-key-ed25519".
SEED = base64.urlsafe_b64decode("n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU=")
PUBLIC = base64.urlsafe_b64decode("JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs=").hex()
NOW = 1_700_000_000
BODY = b'{"tenant": "did:dep:00"}'
NONCE = "a-nonce-of-24-characters"


def _signed(**changes: str) -> dict[str, str]:
    headers = signatures.sign(EngineKey(SEED), "POST", "/agent/v1/registrations", BODY, NOW, NONCE)
    return {name.lower(): value for name, value in {**headers, **changes}.items()}


def _verify(
    headers: dict[str, str],
    *,
    method: str = "POST",
    path: str = "/agent/v1/registrations",
    body: bytes = BODY,
    now: float = NOW,
) -> signatures.Signed:
    return signatures.verify(method, path, headers, body, now)


def test_the_key_is_the_one_of_the_rfc() -> None:
    assert EngineKey(SEED).public == PUBLIC


def test_what_is_signed_is_the_signature_base_of_the_rfc() -> None:
    """Written out by hand after RFC 9421 section 2.5, and verified by the library alone."""
    headers = _signed()
    digest = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
    params = (
        '("@method" "@path" "content-digest");created=1700000000;nonce="a-nonce-of-24-characters";'
        f'keyid="{PUBLIC}";alg="ed25519"'
    )
    base = (
        '"@method": POST\n'
        '"@path": /agent/v1/registrations\n'
        f'"content-digest": sha-256=:{digest}:\n'
        f'"@signature-params": {params}'
    )
    assert headers["content-digest"] == f"sha-256=:{digest}:"
    assert headers["signature-input"] == f"dx={params}"
    signature = base64.b64decode(headers["signature"].removeprefix("dx=:").removesuffix(":"))
    key = ECC.construct(curve="Ed25519", seed=SEED).public_key()
    eddsa.new(key, "rfc8032").verify(base.encode(), signature)


def test_a_digest_is_written_as_the_rfc_writes_it() -> None:
    """RFC 9530 appendix B.1."""
    expected = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
    assert signatures.content_digest(b'{"hello": "world"}\n') == expected


def test_a_request_tells_who_signed_it_and_when() -> None:
    assert _verify(_signed()) == signatures.Signed(PUBLIC, NOW, NONCE)


def test_label_and_order_of_the_parameters_are_free() -> None:
    params = (
        f'("@method" "@path" "content-digest");alg="ed25519";keyid="{PUBLIC}";nonce="{NONCE}";created={NOW}'
    )
    digest = signatures.content_digest(BODY)
    base = f'"@method": POST\n"@path": /x\n"content-digest": {digest}\n"@signature-params": {params}'
    signature = base64.b64encode(EngineKey(SEED).sign(base.encode())).decode()
    headers = {
        "content-digest": digest,
        "signature-input": f"sig1={params}",
        "signature": f"sig1=:{signature}:",
    }
    assert _verify(headers, path="/x").key == PUBLIC


@pytest.mark.parametrize("away", [-301, 301, 10**9, -(10**9)])
def test_it_holds_for_five_minutes_either_way(away: float) -> None:
    assert _verify(_signed(), now=NOW + 299).created == _verify(_signed(), now=NOW - 299).created == NOW
    with pytest.raises(NotAuthentic, match="clocks"):
        _verify(_signed(), now=NOW + away)


def test_another_method_path_or_body_breaks_it() -> None:
    for changed in ({"method": "PUT"}, {"path": "/v1/registrations"}, {"body": BODY + b" "}):
        with pytest.raises(NotAuthentic):
            _verify(_signed(), **changed)  # type: ignore[arg-type]  # one of the keywords


def test_a_body_that_was_changed_with_its_digest_breaks_it() -> None:
    other = BODY + b" "
    with pytest.raises(NotAuthentic, match="doesn't hold"):
        _verify(_signed(**{"Content-Digest": signatures.content_digest(other)}), body=other)


@pytest.mark.parametrize("name", ["content-digest", "signature-input", "signature"])
@pytest.mark.parametrize("value", ["", "nonsense", "dx=::", "dx=()", "ü", "dx=:AAAA:", "\x00"])
def test_a_missing_or_broken_header_is_refused(name: str, value: str) -> None:
    headers = _signed()
    headers[name] = value
    with pytest.raises(NotAuthentic):
        _verify(headers)
    del headers[name]
    with pytest.raises(NotAuthentic):
        _verify(headers)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"@method" ', ""),
        (' "content-digest"', ""),
        ('alg="ed25519"', 'alg="hmac-sha256"'),
        (';alg="ed25519"', ""),
        (f'nonce="{NONCE}"', 'nonce="short"'),
        (f';nonce="{NONCE}"', ""),
        (f"created={NOW}", f'created="{NOW}"'),
        (f"created={NOW}", f"created={NOW};created={NOW}"),
        (f"created={NOW}", f"created={NOW};expires=1"),
        (f"created={NOW}", "created=" + "9" * 99),
        (f'keyid="{PUBLIC}"', 'keyid="' + "0" * 64 + '"'),
        (f'keyid="{PUBLIC}"', f'keyid="{PUBLIC.upper()}"'),
        ("dx=", "dx2="),
    ],
)
def test_parameters_beside_the_profile_are_refused(old: str, new: str) -> None:
    headers = _signed()
    assert old in headers["signature-input"]
    headers["signature-input"] = headers["signature-input"].replace(old, new)
    with pytest.raises(NotAuthentic):
        _verify(headers)


def test_every_bit_of_the_signature_counts() -> None:
    headers = _signed()
    raw = bytearray(base64.b64decode(headers["signature"].removeprefix("dx=:").removesuffix(":")))
    for bit in range(0, 512, 37):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(NotAuthentic):
            _verify({**headers, "signature": f"dx=:{base64.b64encode(changed).decode()}:"})
