"""Values of options that Typer doesn't know: moments, waits, pairs, and secrets that stay out of the history."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime

import typer


def moment(text: str) -> datetime:
    """RFC 3339 with an offset, or a date, which is its first moment in UTC. Raises BadParameter."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time; allowed is 2026-03-31T09:30:00Z or 2026-03-31") from None
    if found.tzinfo is None and len(text.strip()) > len("2026-03-31"):
        raise typer.BadParameter(f"{text!r} has no time zone; end it with Z or an offset")
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def wait(text: str) -> tuple[date, date]:
    """``FROM/TO``, two dates. Raises BadParameter."""
    first, _, last = text.partition("/")
    try:
        return date.fromisoformat(first.strip()), date.fromisoformat(last.strip())
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no wait; allowed is 2026-03-31/2026-04-07") from None


def pairs(texts: Sequence[str]) -> dict[str, str]:
    """``KEY=VALUE`` each. Raises BadParameter."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise typer.BadParameter(f"{text!r} is not KEY=VALUE")
        found[name.strip()] = value
    return found


def secrets(given: Sequence[str]) -> list[str]:
    """The secrets given. ``-`` stands for the lines of stdin; a terminal is asked when none is given.

    An argument stands in the shell's history and in the list of processes; a line of stdin doesn't.
    """
    if not given and sys.stdin.isatty():
        return [typer.prompt("Secret", hide_input=True)]
    if not given:
        raise typer.BadParameter("give --secret SECRET, or --secret - and the secret on stdin")
    lines = sys.stdin.read().splitlines() if "-" in given else []
    return [secret for one in given for secret in (lines if one == "-" else [one])]
