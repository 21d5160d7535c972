"""What people at the desk write, checked before it goes anywhere."""

from __future__ import annotations

from ..errors import Invalid

LONGEST = 2000
"""Characters of a text that goes to the person, or lies sealed beside an entry."""


def checked(field: str, text: str, *, empty: bool = False) -> str:
    """The text without blanks around it. Raises Invalid, naming the field, for one that is too long, and for a
    blank one unless it may be ``empty``."""
    cleaned = text.strip()
    if not cleaned and not empty:
        raise Invalid(field, "must not be blank")
    if len(cleaned) > LONGEST:
        raise Invalid(field, f"{len(cleaned)} characters; {LONGEST} at most")
    return cleaned


def told(otherwise: str) -> dict[str, object]:
    """For the log, which only commits to it: how the person was told by other means than a message. Empty where
    they weren't. Raises Invalid."""
    said = checked("told_otherwise", otherwise, empty=True)
    return {"told_otherwise": said} if said else {}
