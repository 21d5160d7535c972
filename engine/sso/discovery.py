"""What a provider says of itself (OpenID Connect Discovery 1.0), and its keys (RFC 7517): asked for, held
against their shapes, kept for a while."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from authlib.oidc.discovery import get_well_known_url
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, KeySet
from pydantic import BaseModel, ConfigDict, ValidationError

from ..calling import Reply
from ..errors import Invalid, TransientError, Unavailable
from ..outgoing import Outgoing, checked
from .faults import Unproven

THE_PROVIDER = "the provider"
KEPT_S = 600.0
"""How long documents and keys are relied on; a key that isn't known is asked for at once."""
_KEY_TYPES = ("RSA", "EC")
"""Never ``oct``: whoever reads a shared secret in a public document may sign with it."""
_MOST, _MOST_KEYS = 1000, 100
_AT_ONE, _AT_ALL = 2, 3

T = TypeVar("T", bound=BaseModel)


class Metadata(BaseModel):
    """The members of the provider's document that we use (Discovery section 3)."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", hide_input_in_errors=True)

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: list[str] | None = None
    authorization_response_iss_parameter_supported: bool = False


class _Keys(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    keys: list[dict[str, Any]]


def read(model: type[T], reply: Reply, what: str) -> T:
    """A JSON answer of this shape. Raises TransientError for a fault of the server, Unproven for all others."""
    if reply.status >= 500 or reply.status == 429:
        raise TransientError(f"{THE_PROVIDER} answers with HTTP {reply.status}", reply.retry_after)
    if reply.status != 200:
        raise Unproven(f"{what}: HTTP {reply.status}")
    try:
        return model.model_validate(json.loads(reply.body))
    except (ValidationError, ValueError, RecursionError):
        raise Unproven(f"{what}: not of the expected shape") from None


def discover(outgoing: Outgoing, issuer: str) -> Metadata:
    """Ask an issuer for its document, whose ``issuer`` must be this one to the letter (section 4.3): otherwise
    one provider could speak for another. Raises Unproven, Invalid, Refused, TransientError."""
    url = get_well_known_url(checked(issuer), external=True)
    found = read(Metadata, outgoing.call(THE_PROVIDER, "GET", url), "discovery")
    if found.issuer != issuer:
        raise Unproven("discovery: another issuer")
    for endpoint in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
        _check(endpoint, issuer)
    if found.userinfo_endpoint is not None:
        _check(found.userinfo_endpoint, issuer)
    return found


def _check(endpoint: str, issuer: str) -> None:
    try:
        scheme = urlsplit(checked(endpoint)).scheme
    except Invalid:
        raise Unproven("discovery: an endpoint is no address") from None
    if scheme != "https" and scheme != urlsplit(issuer).scheme:
        raise Unproven("discovery: an endpoint without TLS")


class Busy(Unavailable):
    """Raised when as many people sign in at this moment as may."""


@dataclass(slots=True)
class Directory:
    """The providers of an installation, as this process remembers them. Safe for any thread."""

    outgoing: Outgoing
    tick: Callable[[], float] = time.monotonic
    _metadata: dict[str, tuple[float, Metadata]] = field(default_factory=dict)
    _keys: dict[str, tuple[float, KeySet]] = field(default_factory=dict)
    _busy: dict[str, int] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def of(self, issuer: str) -> Metadata:
        """An issuer's document. Raises what ``discover`` does."""
        known = self._metadata.get(issuer)
        if known is not None and known[0] > self.tick():
            return known[1]
        found = discover(self.outgoing, issuer)
        self._keep(self._metadata, issuer, found)
        return found

    def keys(self, provider: Metadata, *, anew: bool = False) -> KeySet:
        """The keys it signs with, of those kinds that we know. Raises Unproven, Refused, TransientError."""
        known = self._keys.get(provider.jwks_uri)
        if known is not None and known[0] > self.tick() and not anew:
            return known[1]
        reply = self.outgoing.call(THE_PROVIDER, "GET", provider.jwks_uri)
        listed = read(_Keys, reply, "keys").keys[:_MOST_KEYS]
        found = KeySet([key for data in listed for key in _understood(data)])
        self._keep(self._keys, provider.jwks_uri, found)
        return found

    @contextmanager
    def turn(self, issuer: str) -> Iterator[None]:
        """For as long as a provider is asked: one that hangs must not take every thread of the edge with it.
        Raises Busy."""
        with self._guard:
            if self._busy.get(issuer, 0) >= _AT_ONE or sum(self._busy.values()) >= _AT_ALL:
                raise Busy("many people are signing in at this moment")
            self._busy[issuer] = self._busy.get(issuer, 0) + 1
        try:
            yield
        finally:
            with self._guard:
                self._busy[issuer] -= 1
                if not self._busy[issuer]:
                    del self._busy[issuer]

    def _keep(self, where: dict[str, Any], name: str, found: object) -> None:
        with self._guard:
            if len(where) >= _MOST:
                where.clear()
            where[name] = (self.tick() + KEPT_S, found)


def _understood(data: dict[str, Any]) -> Iterator[Any]:
    """The key, unless it is of a kind or curve that we don't know: others of the set may be."""
    if data.get("kty") in _KEY_TYPES:
        try:
            yield JWKRegistry.import_key(data)
        except (JoseError, ValueError, TypeError, KeyError):
            return
