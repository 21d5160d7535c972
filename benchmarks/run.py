"""``make bench``: measure, and print every figure as a ratio to its peer or limit in the same run.

``python benchmarks/run.py [edge] [whole] [--quick]``; without names all of them. Nothing but Python and the
project's own test dependencies is needed. Exit code 1 when a figure couldn't be taken.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import edge
import typer
import whole
from load import LoadFailed
from measure import SCALES, Figure, Scale
from rich.console import Console
from stage import StageFailed, workplace

FIGURES: dict[str, Callable[[Scale, Path], Iterator[Figure]]] = {
    "edge": edge.figures,
    "edge-postgresql": edge.on_postgresql,
    "whole": whole.figures,
}
STANDARD = ("edge", "whole")
WIDTH = 150
"""Characters of a line where the output isn't a terminal."""


def main(
    figures: Annotated[list[str] | None, typer.Argument(help=", ".join(FIGURES))] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer and shorter rounds.")] = False,
    smoke: Annotated[bool, typer.Option("--smoke", help="Only to see that everything runs.")] = False,
) -> None:
    """Measure dxflow on this machine."""
    wanted = figures or STANDARD
    unknown = [name for name in wanted if name not in FIGURES]
    if unknown:
        raise typer.BadParameter(f"no figure {unknown[0]!r}; there are {', '.join(FIGURES)}")
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    scale = SCALES["smoke" if smoke else "quick" if quick else "full"]
    with workplace() as place:
        try:
            for name in wanted:
                for figure in FIGURES[name](scale, place / name):
                    console.print(figure.table())
        except (LoadFailed, StageFailed) as error:
            console.print(f"benchmarks: {error}", highlight=False)
            raise typer.Exit(1) from error


if __name__ == "__main__":
    typer.run(main)
