"""How a shop's own yes or no is read, where an operator says in which field it stands."""

from __future__ import annotations

_YES = frozenset({"yes", "1", "true", "on"})
_NO = frozenset({"no", "0", "false", "off"})


def state_of(value: object) -> str | None:
    """``granted`` or ``withdrawn``; None, no signal at all, for whatever is neither a yes nor a no."""
    word = str(value).strip().lower() if isinstance(value, (str, int)) else ""
    return "granted" if word in _YES else "withdrawn" if word in _NO else None
