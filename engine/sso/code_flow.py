"""The authorization code flow (OpenID Connect Core 1.0 section 3.1) with PKCE (RFC 7636): there with a
challenge, back with a code, and the code's exchange for tokens."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Annotated, NamedTuple
from urllib.parse import quote_plus, urlencode

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from pydantic import BaseModel, ConfigDict, StringConstraints

from ..outgoing import Outgoing
from .discovery import THE_PROVIDER, Metadata, read
from .faults import Unproven
from .id_tokens import Claims

SCOPE = "openid email"
_FORM = "application/x-www-form-urlencoded"


class Client(NamedTuple):
    """Who we are at a provider, and where it sends people back to."""

    id: str
    secret: str
    callback: str


class Tokens(BaseModel):
    """The answer to a code (section 3.1.3.3)."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", hide_input_in_errors=True)

    id_token: str
    access_token: Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]+$")]
    """RFC 6749 appendix A.12: it becomes part of a header."""


def address(provider: Metadata, client: Client, state: str, nonce: str, verifier: str) -> str:
    """Where the browser goes to sign in."""
    made: str = prepare_grant_uri(
        provider.authorization_endpoint,
        client.id,
        "code",
        client.callback,
        SCOPE,
        state,
        nonce=nonce,
        code_challenge=create_s256_code_challenge(verifier),
        code_challenge_method="S256",
    )
    return made


def code_of(provider: Metadata, answer: Mapping[str, str]) -> str:
    """The code that the browser brought back. Raises Unproven for an error, and for the answer of another
    issuer (RFC 9207): a code must not be taken to a provider that it isn't from."""
    named = answer.get("iss")
    if named is None and provider.authorization_response_iss_parameter_supported:
        raise Unproven("answer: no issuer")
    if named is not None and named != provider.issuer:
        raise Unproven("answer: another issuer")
    if "error" in answer:
        raise Unproven("answer: declined" if answer["error"] == "access_denied" else "answer: an error")
    if not answer.get("code"):
        raise Unproven("answer: no code")
    return answer["code"]


def exchange(outgoing: Outgoing, provider: Metadata, client: Client, code: str, verifier: str) -> Tokens:
    """Give a code for tokens. Raises Unproven, Refused, TransientError."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": client.callback,
        "code_verifier": verifier,
    }
    headers = {"Content-Type": _FORM}
    if _in_the_form(provider, client):
        form |= {"client_id": client.id, "client_secret": client.secret}
    else:
        headers["Authorization"] = _basic(client)
    body = urlencode(form).encode("ascii")
    return read(Tokens, outgoing.call(THE_PROVIDER, "POST", provider.token_endpoint, body, headers), "tokens")


class _UserInfo(Claims):
    nonce: str = ""


def with_address(outgoing: Outgoing, provider: Metadata, claims: Claims, access_token: str) -> Claims:
    """The claims with the address of providers that tell it at their UserInfo endpoint alone (section 5.3),
    about this very person or not at all (5.3.2). Raises Unproven, Refused, TransientError."""
    if claims.email is not None or provider.userinfo_endpoint is None:
        return claims
    headers = {"Authorization": f"Bearer {access_token}"}
    reply = outgoing.call(THE_PROVIDER, "GET", provider.userinfo_endpoint, None, headers)
    found = read(_UserInfo, reply, "userinfo")
    if found.sub != claims.sub:
        raise Unproven("userinfo: somebody else")
    return claims.model_copy(update={"email": found.email, "email_verified": found.email_verified})


def _in_the_form(provider: Metadata, client: Client) -> bool:
    """Whether the secret goes into the form, not the header (Core section 9): where the provider takes nothing
    else, or would take either and not every provider would decode the header in the same way."""
    methods = provider.token_endpoint_auth_methods_supported or ["client_secret_basic"]
    plain = all(quote_plus(half) == half for half in (client.id, client.secret))
    return "client_secret_post" in methods and not (plain and "client_secret_basic" in methods)


def _basic(client: Client) -> str:
    """RFC 6749 section 2.3.1: both halves are form-encoded first."""
    pair = f"{quote_plus(client.id)}:{quote_plus(client.secret)}"
    return "Basic " + base64.b64encode(pair.encode("ascii")).decode("ascii")
