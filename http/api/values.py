"""The values requests and answers are made of. The same models validate and describe (OpenAPI).

What a description can say is checked as it says it, character by character: a text that fits its schema is
taken, and one that doesn't is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)

from ...engine import moments
from ...engine.errors import Invalid
from ...engine.identity import did, normalise
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

    @classmethod
    def of(cls, page: pages.Page[Any], shape: Callable[[Any], Row]) -> Self:
        """A page of rows, each in its shape."""
        return cls(items=[shape(row) for row in page.rows], next_cursor=page.next_cursor)


_CONTROLS = r"\u0000-\u001f\u007f-\u009f"
"""PostgreSQL stores no NUL, and no name, address or purpose has any other control character."""
_BLANKS = r" \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
ONE_LINE = rf"^[^{_CONTROLS}]*[^{_CONTROLS}{_BLANKS}][^{_CONTROLS}]*$"
"""No control character, and something that isn't blank; a regular expression as JSON Schema takes it."""
_TELEPHONE = rf"^ *{normalise.DIALLED}$"
_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,20})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)  # section 5.6
_WHOLE = re.compile(r"-?\d{1,20}", re.ASCII)


def one_line(text: str) -> str:
    """``text`` without the blanks around it. Raises ValueError unless it fits ``ONE_LINE``."""
    if not re.fullmatch(ONE_LINE, text):
        raise ValueError("must not be blank or contain control characters")
    return text.strip()


def _telephone(text: str) -> str:
    if not re.fullmatch(_TELEPHONE, text):
        raise ValueError("not a telephone number; digits, with +, spaces, brackets, points or hyphens")
    return text


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain NUL")
    return text


def _moment(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    try:
        if isinstance(value, str) and _RFC3339.fullmatch(value):
            return moments.from_text(value.upper())
    except (ValueError, OverflowError):
        pass  # told below, like what has another shape
    raise ValueError("must be an RFC 3339 time with its offset, as 2026-11-23T16:25:08Z")


def _id(value: str) -> str:
    try:
        return did.canonical(value)
    except Invalid:
        raise ValueError("must be a UUID") from None


def _whole(value: object) -> object:
    """Numbers in a query are decimal digits, and nothing else that could be read as one."""
    if isinstance(value, str) and not _WHOLE.fullmatch(value):
        raise ValueError("must be a whole number in decimal digits")
    return value


def _yes_or_no(value: object) -> object:
    if isinstance(value, str) and value not in ("true", "false"):
        raise ValueError("must be true or false")
    return value


Line = Annotated[
    str,
    Field(min_length=1, max_length=200, json_schema_extra={"pattern": ONE_LINE}),
    AfterValidator(one_line),
]
"""A short text on one line, never empty; blanks around it are cut off."""
Email = Annotated[Line, Field(json_schema_extra={"format": "email"})]
"""Its form is checked where it is normalised."""
Phone = Annotated[Line, Field(json_schema_extra={"pattern": _TELEPHONE}), AfterValidator(_telephone)]
"""Written as a telephone number; whether there is such a number is asked later."""
Prose = Annotated[
    str,
    Field(max_length=10_000, json_schema_extra={"pattern": r"^[^\u0000]*$"}),
    AfterValidator(_without_nul),
]
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
LogIndex = Annotated[int, Field(ge=0, le=2**53 - 1), BeforeValidator(_whole)]
"""An index into a log, or its size: what JSON's readers keep exactly."""
LogSize = Annotated[int, Field(ge=1, le=2**53 - 1), BeforeValidator(_whole)]
"""The size of a tree that has leaves."""
Flag = Annotated[bool, BeforeValidator(_yes_or_no)]


class Paging(Shape):
    """How every list is paged; each says with ``place_in`` what its own cursors look like."""

    limit: Annotated[int, Field(ge=1, le=pages.LARGEST), BeforeValidator(_whole)] = 50
    cursor: str | None = None


def place_in(kind: str, order: pages.Order) -> WithJsonSchema:
    """Describes the cursors of one list, which ``engine/services/pages.py`` reads."""
    return WithJsonSchema(
        {
            "type": "string",
            "pattern": pages.pattern(kind, order),
            "description": "`next_cursor` of the page before",
        }
    )


def at_least_one(**given: Mapping[str, Any]) -> dict[str, Any]:
    """Schema of an object in which one of these members is there, and as described (not null, not empty)."""
    return {"anyOf": [_with({name: schema}, name) for name, schema in given.items()]}


def exactly_one(**given: Mapping[str, Any]) -> dict[str, Any]:
    """Schema of an object in which one of these members is as described, and the others null or left out."""
    nothing = {name: {"type": "null"} for name in given}
    return {"anyOf": [_with({**nothing, name: schema}, name) for name, schema in given.items()]}


def _with(properties: Mapping[str, Mapping[str, Any]], needed: str) -> dict[str, Any]:
    return {"required": [needed], "properties": {name: dict(schema) for name, schema in properties.items()}}


def named_by_line(schema: dict[str, Any]) -> None:
    """Corrects the schema of an object whose members' names are each a ``Line``: pydantic says what members
    with such names hold, and not that there are no others."""
    ((pattern, values),) = schema.pop("patternProperties").items()
    schema["propertyNames"]["pattern"] = pattern
    schema["additionalProperties"] = values
