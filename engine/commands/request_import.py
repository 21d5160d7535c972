"""``request import``: rights requests from a spreadsheet."""

from __future__ import annotations

from ...config import options
from ...config.commands import Run, command
from ..access.roles import Permission
from ..rights import csv_import
from ..services.rights import imports
from . import requests
from .owner import one_tenant

commands = requests.commands

ROW = {"row": "Row", "ok": "Right", "id": "Request", "repeated": "There before", "errors": "What is wrong"}


@command(commands, "import", takes=Permission.RECORD, tenant=True)
def request_import(run: Run, file: options.RequestFile, dry_run: options.DryRun = False) -> int:
    """Record the rows of a CSV file; exit code 1 if any is wrong. The same file again records nothing twice."""
    core, owner = one_tenant(run)
    text = csv_import.decode(file.read_bytes())
    found = imports.from_csv(core, owner, run.actor, text, dry_run=dry_run)
    rows = [one.as_json() for one in found]
    if run.as_json:
        run.show({"dry_run": dry_run, **imports.counts(found), "rows": rows}, ROW)
    else:
        run.show([{**row, "errors": _told(one)} for row, one in zip(rows, found, strict=True)], ROW)
    return 0 if all(one.ok for one in found) else 1


def _told(one: imports.Imported) -> str:
    return "; ".join(f"{fault.field}: {fault.detail}" for fault in one.errors)
