"""What engine and dx-agent say to each other: JSON, version 1 (``docs/dx-agent.md``).

Both sides read with these models. A question with a member nobody knows is refused, because it may mean
something; an answer may say more than is asked.
"""

from __future__ import annotations

import hmac
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from ..errors import Invalid, LogBroken, Malformed

REGISTRATIONS = "/v1/registrations"
ENGINES = "/v1/engines"
MOST_ITEMS = 256
"""Activities of one call; an engine's batches have 64 at most."""
_LARGEST = 2**53 - 1

_UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_HASH = r"^[0-9a-f]{64}$"
Uuid = Annotated[str, Field(pattern=_UUID)]
Hash = Annotated[str, Field(pattern=_HASH)]
Did = Annotated[str, Field(pattern=r"^did:[a-z0-9]{1,32}:[0-9a-f]{64}$")]
Origin = Annotated[str, Field(min_length=1, max_length=500)]
Count = Annotated[int, Field(ge=0, le=_LARGEST)]
Text = Annotated[str, Field(max_length=65_535)]
Path = Annotated[list[Hash], Field(max_length=64)]
"""A Merkle proof: hashes in hex."""


class _Question(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)

    @classmethod
    def read(cls, body: bytes) -> Self:
        """Raises Malformed for what isn't JSON, Invalid for another question."""
        try:
            return cls.model_validate_json(body)
        except ValidationError as error:
            first = _first(error)
            if first["type"] == "json_invalid":
                raise Malformed("the body isn't JSON") from None
            raise Invalid(_where(first), first["msg"]) from None


class Entry(_Question):
    """One activity of a batch."""

    activity_id: Uuid
    event_id: Uuid
    commitment: Hash


class Seen(_Question):
    """The newest checkpoint that an engine has verified: of which log, and how many leaves."""

    origin: Origin
    size: Count


class Registrations(_Question):
    """A batch of one tenant."""

    tenant: Did
    fence: Count
    seen: Seen | None = None
    items: Annotated[list[Entry], Field(min_length=1, max_length=MOST_ITEMS)]


class Enrolment(_Question):
    """Who wants to register, signed with the key that is to be known. ``token_mac`` is ``token_mac()``."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    token_mac: Hash | None = None


class _Answer(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", hide_input_in_errors=True)


class Proved(_Answer):
    """A leaf (its RFC 8785 text), its place, and the inclusion proof under the answer's checkpoint."""

    log_index: Count
    leaf: Text
    proof: Path


class Given(Proved):
    """One receipt."""

    activity_id: Uuid
    did: Did


class Answer(_Answer):
    """Receipts in the order of the items, and all it takes to verify them.

    ``vkeys`` are the log's verifier keys, ``added_keys`` the leaves that added some of them to the log;
    ``consistency`` leads from the tree that was ``seen`` of this log to that of the checkpoint.
    """

    origin: Origin
    checkpoint: Text
    vkeys: Annotated[list[Text], Field(min_length=1, max_length=16)]
    added_keys: Annotated[list[Proved], Field(max_length=16)] = []
    receipts: list[Given]
    consistency: Path

    @classmethod
    def read(cls, body: bytes) -> Self:
        """Raises LogBroken for anything else."""
        try:
            return cls.model_validate_json(body)
        except ValidationError as error:
            where = _where(_first(error))
            raise LogBroken(f"its answer isn't one of dx-agent's version 1 ({where})") from None


def _first(error: ValidationError) -> ErrorDetails:
    """What is wrong first, without the value that is."""
    return error.errors(include_url=False, include_context=False, include_input=False)[0]


def _where(fault: ErrorDetails) -> str:
    return ".".join(map(str, fault["loc"])) or "body"


def token_mac(token: str, public_key: str) -> str:
    """Shows that whoever has this key (hex) knows the token, without telling it to whoever listens."""
    return hmac.digest(token.encode("utf-8"), f"dx-agent/enrol/v1\0{public_key}".encode(), "sha256").hex()
