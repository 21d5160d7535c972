"""The log: appending, proving, verifying, and what it takes on the disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import ledger_appends
import ledger_proofs
import ledger_verifying
import stage
from measure import Figure, Scale


def figures(scale: Scale, place: Path) -> Iterator[Figure]:
    """Four tables, each with a store of its own."""
    place.mkdir()
    with stage.installation(place / "appends", 1) as home:
        yield ledger_appends.figure(scale, home.core, place)
    with stage.installation(place / "proofs", 1) as home:
        yield ledger_proofs.figure(scale, home.core)
    with stage.installation(place / "verifying", 1) as home:
        yield from ledger_verifying.figures(scale, home)
