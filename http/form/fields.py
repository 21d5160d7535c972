"""What somebody typed into the form: kept as it is for showing it again, and checked field by field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ...engine.desk.portal import Wish
from ...engine.identity import normalise
from ...engine.platforms.base import Person
from ...engine.rights.types import RequestType
from .texts import EEA, ELSEWHERE

COMMON = (
    RequestType.ACCESS,
    RequestType.ERASURE,
    RequestType.RECTIFICATION,
    RequestType.OBJECTION,
    RequestType.CONSENT_WITHDRAWAL,
    RequestType.PORTABILITY,
    RequestType.SALE_OPT_OUT,
)
"""What people ask for most; the rest is one click further."""
MORE = (*(type for type in RequestType if type not in (*COMMON, RequestType.OTHER)), RequestType.OTHER)
EXAMPLES = {"email": "name@example.com", "phone": "+44 20 7946 0018"}

MOST_LINE, MOST_DETAILS = 200, 4_000
"""Characters; percent-encoded they fit what a form may have in bytes."""
NAMES = ("type", "email", "phone", "name", "where", "details")
TRAP = "website"
"""Programs fill it in, and people don't see it. It is shown to whoever filled it in all the same (a browser may
do that by itself): a request that was dropped without a word would be a right denied."""
_PHONE = re.compile(normalise.DIALLED)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Typed:
    """``values`` as they were typed, ``errors`` as the name of a text by field."""

    values: Mapping[str, str]
    errors: Mapping[str, str] = field(default_factory=dict)


def blank() -> Typed:
    """A form nobody has filled in."""
    return Typed(dict.fromkeys(NAMES, ""))


def read(form: Mapping[str, str]) -> Typed:
    """A form as it was sent."""
    values = {name: form.get(name, "").replace("\r\n", "\n").strip() for name in NAMES}
    errors: dict[str, str] = {}
    if values["type"] not in set(RequestType):
        errors["type"] = "error.type"
    if values["email"] and normalise.email(values["email"]) is None:
        errors["email"] = "error.email"
    if values["phone"] and not _PHONE.fullmatch(values["phone"]):
        errors["phone"] = "error.phone"
    if not (values["email"] or values["phone"] or values["name"]):
        errors["email"] = "error.who"
    if values["where"] not in (*EEA, *ELSEWHERE):
        errors["where"] = "error.where"
    for name in ("email", "phone", "name", "details"):
        if len(values[name]) > most(name):
            errors[name] = "error.long"
    if form.get(TRAP, "").strip():
        errors[TRAP] = "form.trap"
    return Typed(values, errors)


def most(name: str) -> int:
    """How many characters a field may have."""
    return MOST_DETAILS if name == "details" else MOST_LINE


def wish(typed: Typed, language: str, once: str) -> Wish:
    """A form without errors as what it asks for."""
    email, phone, name = (_CONTROLS.sub(" ", typed.values[one]).strip() for one in ("email", "phone", "name"))
    where = typed.values["where"]
    return Wish(
        type=typed.values["type"],
        person=Person(email or None, phone or None, name or None),
        jurisdiction=None if where == "OTHER" else where,
        details=typed.values["details"].replace("\0", ""),
        language=language,
        once=once,
    )
