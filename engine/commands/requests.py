"""``request``: rights requests."""

from __future__ import annotations

from ...config import options
from ...config.commands import Run, command, group
from ..rights import clock
from ..services import rows

commands = group("request", "Rights requests.")


@command(commands, "clock")
def request_clock(
    run: Run,
    regime: options.Regime,
    received: options.Time,
    hold: options.Waits,
    country: str | None = None,
    extended: bool = False,
    verified: options.MaybeTime = None,
) -> None:
    """When a rights request is due, and why; needs no database. The country (DE, DE-BY) is for holidays."""
    dates = clock.compute(regime, received, country=country, verified=verified, extended=extended, holds=hold)
    run.show(dates.as_json() if run.as_json else [step.as_json() for step in dates.steps], rows.CLOCK)
