"""An OpenID provider that can be told to misbehave. By itself it is strict: it checks the client's secret, the
redirect address, the code (once) and the PKCE verifier. Whoever comes is signed in as ``sub``, at once."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode

import pytest
from flow import HandClock
from joserfc import jwt
from joserfc.jwk import Key, KeySet, RSAKey
from serving import served

from dxflow.engine import core as cores
from dxflow.engine.core import Core
from dxflow.engine.outgoing import LIMITS, Limits, Outgoing
from dxflow.engine.store import Store

CLIENT, SECRET = "dxflow at acme", "s3cret/with:odd+letters ~"

Response = tuple[int, dict[str, str], bytes]


LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1"))


@pytest.fixture
def near_clock() -> HandClock:
    """The provider's time is real, so ours is near it. A conftest names it ``clock``."""
    return HandClock(datetime.now(UTC))


def reaching_here(store: Store, clock: HandClock, limits: Limits = LIMITS) -> Core:
    """A core that may reach this machine."""
    made = cores.build(store, b"k" * 32, host="dxflow.example", clock=clock, spread=lambda: 1.0)
    return replace(made, outgoing=Outgoing(clock, LOOPBACK, limits=limits))


def new_key(kid: str = "first") -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})


KEY = new_key()
"""Made once: it takes a moment."""


@dataclass
class Provider:
    """``document``, ``claims`` and ``answers`` are what a test changes, ``seen`` the paths asked for."""

    issuer: str = ""
    sub: str = "sub-1"
    about: dict[str, Any] = field(default_factory=dict)
    """Claims of the person: ``email``, ``email_verified``."""
    in_token: bool = True
    """Whether the ID token tells them, or the UserInfo endpoint alone."""
    key: Key = field(default_factory=lambda: KEY)
    published: list[Key] = field(default_factory=lambda: [KEY])
    document: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    """Put over the ID token's own; None takes a claim away."""
    header: dict[str, Any] = field(default_factory=lambda: {"alg": "RS256", "kid": "first"})
    answers: dict[str, Callable[[], Response]] = field(default_factory=dict)
    """By path, in place of the right answer."""
    back: dict[str, str] = field(default_factory=dict)
    """Put over what the browser brings back."""
    make_token: Callable[[dict[str, Any]], str] | None = None
    methods: list[str] | None = None
    seen: list[str] = field(default_factory=list)
    asked: dict[str, str] = field(default_factory=dict)
    """The last authorization request."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    access_token: str = "access-token"

    def app(self, environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        path = environ["PATH_INFO"]
        self.seen.append(path)
        answer = self.answers.get(path)
        status, headers, body = answer() if answer else self._right(path, environ)
        start(f"{status} x", [("Content-Length", str(len(body))), *headers.items()])
        return [body]

    def _right(self, path: str, environ: dict[str, Any]) -> Response:
        if path == "/.well-known/openid-configuration":
            return as_json(self._document())
        if path == "/jwks":
            return as_json(KeySet(self.published).as_dict())
        if path == "/authorize":
            return self._authorize(dict(parse_qsl(environ["QUERY_STRING"])))
        if path == "/token":
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            return self._token(dict(parse_qsl(body.decode())), environ.get("HTTP_AUTHORIZATION", ""))
        if path == "/userinfo" and environ.get("HTTP_AUTHORIZATION") == f"Bearer {self.access_token}":
            return as_json({"sub": self.sub, **self.about})
        return 404, {}, b""

    def _document(self) -> dict[str, Any]:
        own = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/jwks",
        }
        if self.methods is not None:
            own["token_endpoint_auth_methods_supported"] = self.methods
        return without_none({**own, **self.document})

    def _authorize(self, asked: dict[str, str]) -> Response:
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        assert asked["client_id"] == CLIENT
        assert asked["scope"].split()[0] == "openid"
        self.asked, code = asked, secrets.token_urlsafe(8)
        self.codes[code] = asked
        answer = {"code": code, "state": asked["state"], "iss": self.issuer, **self.back}
        query = urlencode({name: value for name, value in answer.items() if value})
        return 302, {"Location": f"{asked['redirect_uri']}?{query}"}, b""

    def _token(self, form: dict[str, str], authorization: str) -> Response:
        asked = self.codes.pop(form.get("code", ""), None)
        if self._client(form, authorization) != (CLIENT, SECRET):
            return as_json({"error": "invalid_client"}, 401)
        challenge = base64url(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if (
            asked is None
            or asked["redirect_uri"] != form["redirect_uri"]
            or asked["code_challenge"] != challenge
        ):
            return as_json({"error": "invalid_grant"}, 400)
        document = {
            "access_token": self.access_token,
            "token_type": "Bearer",
            "id_token": self._id_token(asked),
        }
        return as_json(document)

    def _client(self, form: dict[str, str], authorization: str) -> tuple[str, str]:
        if not authorization:
            return form.get("client_id", ""), form.get("client_secret", "")
        name, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        return unquote_plus(name), unquote_plus(secret)

    def _id_token(self, asked: dict[str, str]) -> str:
        half = hashlib.sha256(self.access_token.encode()).digest()[:16]
        own = {
            "iss": self.issuer,
            "sub": self.sub,
            "aud": CLIENT,
            "iat": int(time.time()),
            "exp": int(time.time()) + 300,
            "nonce": asked["nonce"],
            "at_hash": base64url(half),
            **(self.about if self.in_token else {}),
        }
        claims = without_none({**own, **self.claims})
        return (
            self.make_token(claims)
            if self.make_token
            else jwt.encode(without_none(self.header), claims, self.key)
        )


def as_json(document: object, status: int = 200) -> Response:
    return status, {"Content-Type": "application/json"}, json.dumps(document).encode()


def without_none(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value is not None}


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@contextmanager
def provider(**about: Any) -> Iterator[Provider]:
    """A running provider whose person has these claims."""
    made = Provider(about=about)
    with served(made.app) as address:
        made.issuer = address
        yield made
