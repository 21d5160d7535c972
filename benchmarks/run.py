"""``make bench``: measure, and print every figure as a ratio to its peer or limit in the same run.

``python benchmarks/run.py [FIGURE]… [--quick] [--json FILE]``; without names the standard ones. README.md
beside this file says what each figure means. Exit code 1 when a figure couldn't be taken; others are printed.
"""

from __future__ import annotations

import json
import os
import platform
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import anchors
import backups
import broker
import desk
import edge
import erasing
import idle
import keys
import latency
import ledger
import million
import pages
import registrations
import typer
import whole
from environments import PeerMissing
from load import LoadFailed
from measure import SCALES, Figure, Scale, summary
from redis import RedisError
from rich.console import Console
from stage import StageFailed, workplace

from dxflow.engine.store import scope

FIGURES: dict[str, Callable[[Scale, Path], Iterator[Figure]]] = {
    "broker": broker.figures,
    "idle": idle.figures,
    "latency": latency.figures,
    "noisy": latency.noisy,
    "million": million.figures,
    "whole": whole.figures,
    "registrations": registrations.figures,
    "ledger": ledger.figures,
    "keys": keys.figures,
    "anchors": anchors.figures,
    "backups": backups.figures,
    "erasing": erasing.figures,
    "desk": desk.figures,
    "pages": pages.figures,
    "edge": edge.figures,
    "edge-postgresql": edge.on_postgresql,
    "peers": broker.peers,
}
STANDARD = [name for name in FIGURES if name != "edge-postgresql"]
FAILURES = (LoadFailed, StageFailed, PeerMissing, RedisError, OSError)
WIDTH = 160
"""Characters of a line where the output isn't a terminal."""


def main(
    figures: Annotated[list[str] | None, typer.Argument(help=", ".join(FIGURES))] = None,
    quick: Annotated[bool, typer.Option("--quick", help="One round, fewer messages.")] = False,
    smoke: Annotated[bool, typer.Option("--smoke", help="Only to see that everything runs.")] = False,
    as_json: Annotated[Path | None, typer.Option("--json", help="Keep the results in this file.")] = None,
) -> None:
    """Measure dxflow on this machine."""
    wanted = figures or STANDARD
    unknown = [name for name in wanted if name not in FIGURES]
    if unknown:
        raise typer.BadParameter(f"no figure {unknown[0]!r}; there are {', '.join(FIGURES)}")
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    kept = as_json and as_json.absolute()
    scale = "smoke" if smoke else "quick" if quick else "full"
    console.print(f"{_machine()}; {scale} scale: {_rounds(SCALES[scale])}\n", highlight=False)
    taken, missing = _take(console, wanted, SCALES[scale])
    if verdicts := [verdict for figure in taken for verdict in figure.verdicts]:
        console.print(summary(verdicts))
    if kept:
        kept.write_text(json.dumps(_document(scale, taken, missing), indent=1, ensure_ascii=False) + "\n")
    if missing:
        raise typer.Exit(1)


def _take(console: Console, wanted: Sequence[str], scale: Scale) -> tuple[list[Figure], dict[str, str]]:
    """The figures that could be taken, printed as they come, and why others couldn't."""
    taken: list[Figure] = []
    missing: dict[str, str] = {}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as Ctrl-C does: end what was started
    with workplace() as place, scope.everyone("figures are taken at a place of their own"):
        for name in wanted:
            try:
                for figure in FIGURES[name](scale, place / name):
                    console.print(figure.table(), "")
                    taken.append(figure)
            except FAILURES as error:
                missing[name] = f"{type(error).__name__}: {error}"
                console.print(f"{name} couldn't be taken: {missing[name]}\n", highlight=False, markup=False)
    return taken, missing


def _machine() -> str:
    names = ", ".join(f"{name} {version(name)}" for name in ("dxflow", "dramatiq", "redis"))
    return (
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}, {names}"
    )


def _rounds(scale: Scale) -> str:
    return (
        "one round" if scale.rounds == 1 else f"median (lowest–highest) of {scale.rounds} interleaved rounds"
    )


def _document(scale: str, taken: Sequence[Figure], missing: dict[str, str]) -> dict[str, object]:
    verdicts = [{**asdict(one), "met": one.met} for figure in taken for one in figure.verdicts]
    tables = [
        {"title": one.title, "columns": one.columns, "rows": one.rows, "notes": one.notes} for one in taken
    ]
    return {"machine": _machine(), "scale": scale, "summary": verdicts, "figures": tables, "missing": missing}


if __name__ == "__main__":
    typer.run(main)
