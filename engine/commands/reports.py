"""``request report``: for the regulator."""

from __future__ import annotations

import json
from typing import Annotated, Literal

from typer import Option

from ...config import options
from ...config.commands import Run, command
from .. import reporting
from ..access.roles import Permission
from ..errors import Conflict
from .owner import one_tenant
from .requests import commands

Kind = Annotated[Literal["register", "metrics", "processing"], Option(help="Which report.")]
Format = Annotated[Literal["json", "csv", "html"] | None, Option(help="A table for people when left out.")]
Begin = Annotated[str | None, Option("--from", metavar="DAY", help="A day, a month or a year: 2026-03-31.")]
End = Annotated[str | None, Option("--to", metavar="DAY", help="The last one, itself included.")]

_FILE = {"file": "File", "rows": "Rows"}


@command(commands, "report", takes=Permission.LOOK, tenant=True)
def request_report(
    run: Run,
    kind: Kind = "register",
    begin: Begin = None,
    end: End = None,
    format: Format = None,
    out: options.Out = None,
) -> None:
    """The register of requests (24 months), their metrics (last year), or the records of processing activities.

    Days are those of the desk's time zone. Nobody is named.
    """
    core, tenant_id = one_tenant(run)
    made = reporting.make(core, tenant_id, kind, begin, end)
    if out is not None and out.exists():
        raise Conflict(f"{out} is there already; give another name")
    form = format or ("json" if run.as_json or out is not None else None)
    if form is None:
        run.show(list(made.rows), made.columns)
        return
    text = json.dumps(made.as_json(), ensure_ascii=False, indent=1) if form == "json" else made.text(form)
    if out is None:
        run.console.write(text.rstrip())
        return
    out.write_text(text, encoding="utf-8", newline="")
    run.show({"file": str(out), "rows": len(made.rows)}, _FILE)
