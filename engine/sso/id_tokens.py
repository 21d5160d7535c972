"""ID tokens (OpenID Connect Core 1.0 section 3.1.3.7): signed by the issuer, for us, now, in this flow."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError

from .discovery import Directory, Metadata
from .faults import Unproven

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Only those that take the issuer's private key. Not ``none``, and no HMAC: our own secret would sign, and a
public key could be taken for one."""
LEEWAY_S = 120
_LONGEST = 64 * 1024


def _truth(value: object) -> object:
    """Some providers write ``"true"``."""
    return True if value == "true" else value is True


class Claims(BaseModel):
    """What was proven of somebody. ``sub`` (section 2) names them at this issuer for ever."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", hide_input_in_errors=True)

    sub: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    nonce: str
    azp: str | None = None
    at_hash: str | None = None
    email: str | None = None
    email_verified: Annotated[bool, BeforeValidator(_truth)] = False


class Expected(NamedTuple):
    """What a token must say: whom it is for, in which flow, and beside which access token it came."""

    client_id: str
    nonce: str
    access_token: str
    now: int


def proven(directory: Directory, provider: Metadata, token: str, expected: Expected) -> Claims:
    """The claims of an ID token. Raises Unproven, and what ``Directory.keys`` does."""
    if len(token) > _LONGEST:
        raise Unproven("id token: too long")
    signed = _verified(directory, provider, token)
    try:
        claims = Claims.model_validate(signed.claims)
    except ValidationError as error:
        raise Unproven(f"id token: {error.errors()[0]['loc'][0]}") from None
    _require(signed, provider.issuer, expected)
    return claims


def _require(signed: jwt.Token, issuer: str, expected: Expected) -> None:
    """Everything but the signature."""
    own = {"iss": {"value": issuer}, "aud": {"value": expected.client_id}}
    params = {
        "client_id": expected.client_id,
        "nonce": expected.nonce,
        "access_token": expected.access_token,
    }
    try:
        CodeIDToken(signed.claims, signed.header, own, params).validate(expected.now, LEEWAY_S)
    except JoseError as error:
        raise Unproven(f"id token: {getattr(error, 'claim', None) or error.error}") from None


def _verified(directory: Directory, provider: Metadata, token: str) -> jwt.Token:
    """A token whose signature is right; keys that changed meanwhile are asked for once."""
    try:
        try:
            return jwt.decode(token, directory.keys(provider), ALGORITHMS)
        except (InvalidKeyIdError, BadSignatureError):
            return jwt.decode(token, directory.keys(provider, anew=True), ALGORITHMS)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        name = error.error if isinstance(error, JoseError) else "malformed"
        raise Unproven(f"id token: {name}") from None
