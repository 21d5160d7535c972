"""Which of the languages that people are spoken to in somebody wants."""

from __future__ import annotations

from collections.abc import Sequence

from ..mail.catalogue import LANGUAGES


def preferred(accept: str, offered: Sequence[str]) -> str:
    """Of what is offered, what an Accept-Language header (RFC 9110 section 12.5.4) wants most; else the first.

    ``de-AT`` is served by ``de`` (RFC 4647 section 3.4). What can't be read is passed over.
    """
    wishes: list[tuple[float, int, str]] = []
    for place, part in enumerate(accept.split(",")[:20]):
        tag, _, rest = part.partition(";")
        primary = tag.strip().lower().partition("-")[0]
        weight = _weight(rest)
        if primary in offered and weight > 0:
            wishes.append((-weight, place, primary))
    return min(wishes)[2] if wishes else offered[0]


def _weight(text: str) -> float:
    """Of ``q=0.8``; 1 where there is none."""
    name, _, value = text.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0


__all__ = ["LANGUAGES", "preferred"]
