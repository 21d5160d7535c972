"""The values requests and answers are made of. The same models validate and describe (OpenAPI)."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import Annotated, Generic, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

from ...engine import moments
from ...engine.errors import Invalid
from ...engine.identity import did
from ...engine.services import pages


class Shape(BaseModel):
    """Common ground: what isn't named is refused, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Optional(Shape):
    """A body that may be left out altogether."""


class Nothing(Optional):
    """No body, or no query."""


Row = TypeVar("Row")


class Listed(Shape, Generic[Row]):
    """A page of a list; ``next_cursor`` is null on the last one."""

    items: list[Row]
    next_cursor: str | None


def _without_controls(text: str) -> str:
    """PostgreSQL stores no NUL, and no name, address or purpose has any other control character."""
    if any(unicodedata.category(letter) == "Cc" for letter in text):
        raise ValueError("must not contain control characters")
    return text


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain NUL")
    return text


def _moment(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or len(value) > 64:
        raise ValueError("must be an RFC 3339 time with its offset, as 2026-11-23T16:25:08Z")
    try:
        return moments.from_text(value)
    except (ValueError, OverflowError):
        raise ValueError("must be an RFC 3339 time with its offset, as 2026-11-23T16:25:08Z") from None


def _id(value: str) -> str:
    try:
        return did.canonical(value)
    except Invalid:
        raise ValueError("must be a UUID") from None


_Trimmed = StringConstraints(min_length=1, max_length=200, strip_whitespace=True)

Line = Annotated[str, _Trimmed, AfterValidator(_without_controls)]
"""A short text on one line, trimmed, never empty."""
Prose = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(_without_nul)]
"""A long text, which may be empty."""
Id = Annotated[str, AfterValidator(_id), WithJsonSchema({"type": "string", "format": "uuid"})]
Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    PlainSerializer(moments.to_text, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""RFC 3339 with any offset in, UTC with milliseconds and ``Z`` out."""
Date = Annotated[str, WithJsonSchema({"type": "string", "format": "date"})]
LogIndex = Annotated[int, Field(ge=0, le=2**53 - 1)]
"""An index into a log, or its size: what JSON's readers keep exactly."""


class Paging(Shape):
    """How every list is paged."""

    limit: Annotated[int, Field(ge=1, le=pages.LARGEST)] = 50
    cursor: Annotated[Line | None, Field(description="`next_cursor` of the page before")] = None
