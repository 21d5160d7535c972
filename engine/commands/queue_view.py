"""How ``queue top`` and ``queue list`` look to people."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from ...config.commands import Run
from ...config.console import lasting
from ..errors import Unavailable
from ..services import rows
from ..services.traffic.top import Picture, Tenant, Top

_AROUND = 6
"""Lines of the screen that are no tenants: two of summary, a blank, the headings, a blank, what keys do."""
_SHORT_DID = 16
_WIDE = 100
"""Columns from which there is room for the DID."""


@dataclass(slots=True)
class View:
    """A ``Top`` on a terminal, in a pipe, or as one document."""

    top: Top
    run: Run
    interval_s: float
    _last: Picture | None = None

    def once(self) -> None:
        """Look twice, print one picture."""
        self.top.look()
        time.sleep(self.interval_s)
        picture = self.top.look()
        if self.run.as_json:
            self.run.show(rows.top(picture), {})
            return
        for line in self._summary(picture):
            self.run.console.say(line.plain)
        if picture.tenants:
            self.run.show([_row(tenant, picture.at) for tenant in picture.tenants], rows.TOP)

    def live(self) -> None:
        """Until somebody asks to end."""
        self.run.console.watch(self._draw, self.interval_s)

    def _draw(self) -> RenderableType:
        """The next look; the last one again, with a line that says why, while the database doesn't answer."""
        trouble = None
        try:
            self._last = self.top.look()
        except Unavailable as error:
            if self._last is None:
                raise
            trouble = Text(f"{error}; shown is what was known before", style="bold red")
        width, height = self.run.console.size
        shown = [_row(tenant, self._last.at) for tenant in self._last.tenants[: max(1, height - _AROUND)]]
        columns = {key: heading for key, heading in rows.TOP.items() if key != "did" or width >= _WIDE}
        table = self.run.console.table(shown, columns, one_line=True)
        footer = Text(f"q ends · every {self.interval_s:g} s · by {self.top.order}", style="dim")
        summary = [trouble] if trouble else self._summary(self._last)
        return Group(*summary, "", table if shown else "", "", footer)

    def _summary(self, picture: Picture) -> list[Text]:
        total = picture.total
        parts = (
            f"{picture.at:%H:%M:%S} UTC",
            f"{picture.busy:,} {'tenant' if picture.busy == 1 else 'tenants'} busy",
            f"{total.ready:,} ready",
            f"{total.in_flight or 0:,} in flight" if picture.error is None else "? in flight",
            f"{total.delayed:,} delayed",
            (f"{total.failed:,} failed", "red" if total.failed else ""),
            f"{total.done_per_second or 0.0:,.1f} done/s",
        )
        lines = [
            Text.assemble(*chain.from_iterable((part, " · ") for part in parts[:-1]), parts[-1], style="bold")
        ]
        if picture.error is not None:
            lines.append(Text(without_redis(picture.error), style="bold red"))
        elif not picture.tenants:
            lines.append(Text(f"Nothing waits. `{self.run.spelled('demo')}` sends an hour of traffic."))
        return lines


def without_redis(reason: str) -> str:
    """What to tell where only the database could be asked."""
    return f"{reason}: these are the database's numbers; what a worker has is among the ready ones"


def readable(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with its lengths of time in words."""
    age = row["oldest_age"]
    return {**row, "oldest_age": None if age is None else lasting(age)}


def _row(tenant: Tenant, at: datetime) -> dict[str, Any]:
    rest = None if tenant.parked_until is None else (tenant.parked_until - at).total_seconds()
    return readable(rows.top_tenant(tenant)) | {
        "did": tenant.did if len(tenant.did) <= _SHORT_DID else f"{tenant.did[:_SHORT_DID]}…",
        "parked": None if rest is None else lasting(rest),
    }
