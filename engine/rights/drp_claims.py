"""Who an agent asks for, as it says (Data Rights Protocol 1.0, section 3.04)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import CallerError
from ..identity import normalise
from ..platforms.base import Person

LONGEST = 1000
"""Characters of a text; of a claim that is an object or a list four times as many, as JSON."""
DEEPEST = 50
"""Objects and lists in one claim: an address is one."""
OTHERS = ("address", "address_verified", "power_of_attorney", "relationships")
_NO_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters, line ends and halves of characters. What else Python doesn't call printable stands in
names: the space of Japanese ones, the joiners of Persian ones."""


class Fatal(CallerError):
    """Raised when sending the same message again can't help (section 3.06)."""


@dataclass(frozen=True, slots=True)
class Claims:
    """With ``verified`` the person holds only what the agent has verified, so that nobody is found by an
    identifier that may be somebody else's; ``others`` is the rest."""

    person: Person
    verified: bool
    others: Mapping[str, object]


def claims(message: Mapping[str, Any]) -> Claims:
    """The claims of a message. Raises Fatal for those that can't be taken, and where nobody is named."""
    given = {"email": text(message, "email"), "phone_number": text(message, "phone_number")}
    if given["email"] and normalise.email(given["email"]) is None:
        raise Fatal("email: not an e-mail address")
    if given["phone_number"] and not re.fullmatch(normalise.DIALLED, given["phone_number"]):
        raise Fatal("phone_number: not a telephone number; E.164 is +14155550123")
    sure = {name: bool(said) and message.get(f"{name}_verified") is True for name, said in given.items()}
    kept = {name: said for name, said in given.items() if said and (sure[name] or not any(sure.values()))}
    person = Person(kept.get("email"), kept.get("phone_number"), text(message, "name") or None)
    if not (kept or person.name):
        raise Fatal("claims: at least one of email, phone_number, name is needed")
    others = {name: _small(message[name], name) for name in OTHERS if message.get(name) not in (None, "", [])}
    unsure = {f"unverified_{name}": said for name, said in given.items() if said and name not in kept}
    return Claims(person, any(sure.values()), {**others, **unsure})


def text(message: Mapping[str, Any], name: str) -> str:
    """A member that is a text on one line, without the blanks around it; empty where there is none."""
    value = message.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > LONGEST or _NO_LINE.search(value):
        raise Fatal(f"{name}: must be a text of one line and at most {LONGEST} characters")
    return value.strip()


def _small(value: object, name: str) -> object:
    """A claim of any shape. What is no Unicode (RFC 8259 section 8.2) can't be kept."""
    try:
        written = json.dumps(value, ensure_ascii=False)
        written.encode()
    except (ValueError, RecursionError):
        raise Fatal(f"{name}: is no Unicode, or too deep") from None
    if len(written) > 4 * LONGEST or written.count("{") + written.count("[") > DEEPEST:
        raise Fatal(f"{name}: too large")
    return value
