"""A provider that is broken, or means ill: a calm page, never a session, never a 500."""

from __future__ import annotations

import hmac
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from browsing import Browser
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from joserfc import jwt
from joserfc.jwk import OctKey
from oidc import CLIENT, KEY, SECRET, Provider, Response, as_json, base64url, new_key

from dxflow.engine.core import Core
from dxflow.engine.store import models

ComeIn = Callable[..., Browser]
Twist = Callable[[Provider], None]

DOCUMENT = "/.well-known/openid-configuration"


def claims(**changed: Any) -> Twist:
    return lambda provider: provider.claims.update(changed)


def shifted(**seconds: int) -> Twist:
    """Claims that lie so many seconds from the moment in which the provider is asked."""
    return lambda provider: provider.claims.update(
        {name: int(time.time()) + away for name, away in seconds.items()}
    )


def document(**changed: Any) -> Twist:
    return lambda provider: provider.document.update(changed)


def answer(path: str, *given: Any) -> Twist:
    status, headers, body = given if len(given) == 3 else (200, {}, given[0])
    return lambda provider: provider.answers.update({path: lambda: (status, headers, body)})


def back(**changed: str) -> Twist:
    return lambda provider: provider.back.update(changed)


def token(make: Callable[[dict[str, Any]], str]) -> Twist:
    return lambda provider: setattr(provider, "make_token", make)


def unsigned(of: dict[str, Any]) -> str:
    return crafted({"alg": "none"}, of, lambda _: b"")


def by_secret(of: dict[str, Any]) -> str:
    return jwt.encode({"alg": "HS256"}, of, OctKey.import_key(SECRET), ["HS256"])


def crafted(head: dict[str, Any], of: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """What no library would make."""
    signed = f"{base64url(json.dumps(head).encode())}.{base64url(json.dumps(of).encode())}"
    return f"{signed}.{base64url(sign(signed.encode()))}"


def by_private_key(signed: bytes) -> bytes:
    return bytes(KEY.private_key.sign(signed, padding.PKCS1v15(), hashes.SHA256()))


def by_public_key(of: dict[str, Any]) -> str:
    """The public key, which anybody has, taken for a shared secret."""
    public = KEY.as_pem(private=False)
    return crafted({"alg": "HS256", "kid": "first"}, of, lambda text: hmac.digest(public, text, "sha256"))


def critical(of: dict[str, Any]) -> str:
    return crafted({"alg": "RS256", "kid": "first", "crit": ["exp"], "exp": 1}, of, by_private_key)


OWN = new_key("own")


def by_key_in_header(of: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "jwk": OWN.as_dict(private=False)}, of, OWN)


def well_crafted(of: dict[str, Any]) -> str:
    return crafted({"alg": "RS256", "kid": "first"}, of, by_private_key)


def by_published_secret(provider: Provider) -> None:
    secret = OctKey.import_key({"kty": "oct", "k": base64url(b"k" * 32), "kid": "shared"})
    provider.published = [KEY, secret]
    provider.make_token = lambda of: jwt.encode({"alg": "HS256", "kid": "shared"}, of, secret, ["HS256"])


def unknown_key(provider: Provider) -> None:
    provider.key = new_key("unknown")
    provider.header["kid"] = "unknown"


def forged(provider: Provider) -> None:
    provider.key = new_key("first")


def tampered(of: dict[str, Any]) -> str:
    head, _, sign = jwt.encode({"alg": "RS256", "kid": "first"}, of, KEY).split(".")
    return f"{head}.{base64url(json.dumps({**of, 'sub': 'somebody else'}).encode())}.{sign}"


UNPROVEN: dict[str, Twist] = {
    "another nonce": claims(nonce="of another flow"),
    "no nonce": claims(nonce=None),
    "for another client": claims(aud="another"),
    "for another client, used by us": claims(aud="another", azp=CLIENT),
    "for others too, without azp": claims(aud=[CLIENT, "another"]),
    "for others too, used by another": claims(aud=[CLIENT, "another"], azp="another"),
    "used by another": claims(azp="another"),
    "for nobody": claims(aud=None),
    "for an object": claims(aud={"a": 1}),
    "of another issuer": claims(iss="https://accounts.example"),
    "of no issuer": claims(iss=None),
    "over": shifted(exp=-600, iat=-900),
    "without an end": claims(exp=None),
    "with a boundless end": claims(exp=float("nan")),
    "with an end in words": claims(exp="tomorrow"),
    "not valid yet": shifted(nbf=600),
    "made in the future": shifted(iat=600),
    "made at no time": claims(iat=None),
    "beside another access token": claims(at_hash=base64url(b"0" * 16)),
    "beside a hash of no kind": claims(at_hash=7),
    "about nobody": claims(sub=None),
    "about an empty name": claims(sub=""),
    "about a number": claims(sub=7),
    "about a long name": claims(sub="x" * 256),
    "an address of no kind": claims(email={"a": 1}),
    "unsigned": token(unsigned),
    "signed by our secret": token(by_secret),
    "signed by the public key": token(by_public_key),
    "signed by a key in its header": token(by_key_in_header),
    "signed by a published secret": by_published_secret,
    "signed by an unknown key": unknown_key,
    "signed by another key of that name": forged,
    "tampered with": token(tampered),
    "no token": token(lambda _: ""),
    "two dots": token(lambda _: ".."),
    "an encrypted token": token(lambda _: "a.b.c.d.e"),
    "not ASCII": token(lambda _: "é.é.é"),
    "huge": token(lambda of: "a" * 70_000),
    "a critical header": token(critical),
    "tokens: not JSON": answer("/token", b"<html>"),
    "tokens: a list": answer("/token", b"[]"),
    "tokens: deep": answer("/token", b"[" * 50_000),
    "tokens: refused": answer("/token", 400, {}, b'{"error":"invalid_grant"}'),
    "tokens: away": answer("/token", 302, {"Location": "http://169.254.169.254/"}, b""),
    "tokens: a header in the token": answer(
        "/token", json.dumps({"access_token": "a\r\nX: y", "id_token": "a.b.c"}).encode()
    ),
    "keys: not JSON": answer("/jwks", b"nothing"),
    "keys: none": answer("/jwks", b'{"keys":[]}'),
    "keys: of no kind": answer("/jwks", b'{"keys":[{"kty":"RSA","n":7},{"kty":"EC"},{}]}'),
    "keys: away": answer("/jwks", 301, {"Location": "http://127.0.0.1:1/"}, b""),
    "no code": back(code=""),
    "an error": back(code="", error="server_error"),
    "an answer of another issuer": back(iss="https://accounts.example"),
    "another issuer in its document": document(issuer="https://accounts.example"),
    "the issuer with a slash": lambda provider: provider.document.update(issuer=f"{provider.issuer}/"),
    "no token endpoint": document(token_endpoint=None),
    "a way in that is a script": document(authorization_endpoint="javascript:alert(1)"),
    "a way in with a password": document(authorization_endpoint="https://a:b@accounts.example/"),
    "keys inside": document(jwks_uri="http://169.254.169.254/keys"),
    "tokens inside": document(token_endpoint="https://10.0.0.1/token"),
    "userinfo about somebody else": lambda provider: _elsewhere(provider, {"sub": "another"}),
    "userinfo of no kind": lambda provider: _elsewhere(provider, []),
}


def _elsewhere(provider: Provider, told: object) -> None:
    provider.in_token = False
    provider.answers["/userinfo"] = lambda: as_json(told)


@pytest.fixture
def calm(core: Core, acme: str, ada: str, browser: Browser, come_in: ComeIn) -> Callable[[int, str], None]:
    """Comes in and must be told so, with nothing changed."""

    def check(status: int, words: str) -> None:
        before = core.log.head(acme).size
        come_in(acme)
        assert browser.page.status_code == status, browser.text
        assert words in browser.text
        assert browser.cookie("__Host-dxflow-session") is None
        assert models.Session.select().count() == models.SsoIdentity.select().count() == 0
        assert core.log.head(acme).size == before

    return check


@pytest.mark.parametrize("name", UNPROVEN)
def test_what_proves_nothing_opens_nothing(
    provider: Provider, acme: str, calm: Callable[[int, str], None], name: str
) -> None:
    UNPROVEN[name](provider)
    calm(403, "doesn't prove who you are")


def hang(provider: Provider, path: str) -> None:
    never = threading.Event()

    def wait() -> Response:
        never.wait(3)
        return 200, {}, b""

    provider.answers[path] = wait


SILENT: dict[str, Twist] = {
    "discovery: 500": answer(DOCUMENT, 500, {}, b"defect"),
    "discovery: huge": answer(DOCUMENT, b"{" + b" " * 300_000 + b"}"),
    "discovery: hangs": lambda provider: hang(provider, DOCUMENT),
    "tokens: 503": answer("/token", 503, {"Retry-After": "soon"}, b""),
    "tokens: 429": answer("/token", 429, {}, b""),
    "tokens: hang": lambda provider: hang(provider, "/token"),
    "tokens: huge": answer("/token", b" " * 300_000),
    "keys: huge": answer("/jwks", b" " * 300_000),
    "nobody there": document(token_endpoint="http://127.0.0.1:1/token"),
    "tokens by name of nobody": document(token_endpoint="https://nobody.invalid/token"),
}


@pytest.mark.parametrize("name", SILENT)
def test_what_doesnt_answer_is_waited_for_a_moment_only(
    provider: Provider, acme: str, calm: Callable[[int, str], None], name: str
) -> None:
    SILENT[name](provider)
    began = time.monotonic()
    calm(503, "isn't answering")
    assert time.monotonic() - began < 3


def test_a_provider_that_hangs_takes_two_threads_of_the_edge_and_no_more(
    core: Core, provider: Provider, acme: str, ada: str, new_browser: Callable[[], Browser], come_in: ComeIn
) -> None:
    asking, go_on = threading.Semaphore(0), threading.Event()

    def wait() -> Response:
        asking.release()
        go_on.wait(10)
        return 500, {}, b""

    provider.answers[DOCUMENT] = wait
    hanging = [threading.Thread(target=come_in, args=(acme, new_browser())) for _ in range(2)]
    for one in hanging:
        one.start()
    assert asking.acquire(timeout=30)
    assert asking.acquire(timeout=30)
    third = come_in(acme, new_browser())
    go_on.set()
    for one in hanging:
        one.join()
    assert third.page.status_code == 503
    assert "many people sign in at this moment" in third.text
    assert provider.seen.count(DOCUMENT) == 3, "two of them now, and one when it was set"


def test_what_the_forgeries_are_crafted_with_makes_good_tokens_too(
    provider: Provider, acme: str, ada: str, browser: Browser, come_in: ComeIn
) -> None:
    token(well_crafted)(provider)
    come_in(acme)
    assert "Signed in as member" in browser.text


def test_a_small_difference_of_clocks_is_no_fault(
    provider: Provider, acme: str, ada: str, browser: Browser, come_in: ComeIn
) -> None:
    provider.claims = {"iat": int(time.time()) + 60, "exp": int(time.time()) - 60}
    come_in(acme)
    assert "Signed in as member" in browser.text


def test_keys_of_unknown_kinds_beside_the_right_one_are_no_fault(
    provider: Provider, acme: str, ada: str, browser: Browser, come_in: ComeIn
) -> None:
    keys = [{"kty": "AKP", "kid": "new"}, {"kty": "EC", "crv": "P-999"}, KEY.as_dict(private=False)]
    provider.answers["/jwks"] = lambda: as_json({"keys": keys})
    come_in(acme)
    assert "Signed in as member" in browser.text


def test_the_log_says_what_was_wrong_and_names_nobody(
    provider: Provider, acme: str, calm: Callable[[int, str], None], capfd: pytest.CaptureFixture[str]
) -> None:
    claims(aud="another")(provider)
    calm(403, "doesn't prove")
    logged = capfd.readouterr().out
    assert "sso_refused" in logged
    assert "id token: aud" in logged
    for secret in ("ada@", "sub-1", SECRET, provider.asked["state"]):
        assert secret not in logged
