"""``/api/v1/rights-requests/import`` and ``…/email``: requests that came in by other ways than one by one."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ...engine.rights.csv_import import MOST_BYTES
from ...engine.rights.types import RequestType
from ...engine.services.rights import email_intake, imports
from .operation import Call
from .requests import Jurisdiction, RightsRequest, values
from .values import Flag, Id, Moment, Nothing, Shape

_MESSAGE = 8 * 1024 * 1024
"""Characters; what a body may have in bytes is the edge's own limit, and mostly less."""


class CsvFile(Shape):
    """``csv`` is the file's text: a header and a row for each request."""

    csv: Annotated[str, Field(min_length=1, max_length=MOST_BYTES)]
    dry_run: Flag = False


class RowError(Shape):
    """One cell that isn't as it must be."""

    field: str
    detail: str


class ImportedRow(Shape):
    """One row, numbered as a spreadsheet does. ``repeated``: its request was there before."""

    row: int
    ok: bool
    id: Id | None
    repeated: bool
    errors: list[RowError]


class ImportReport(Shape):
    """How many rows are new (or would be), were there before, are wrong; and each."""

    dry_run: bool
    recorded: int
    repeated: int
    wrong: int
    rows: list[ImportedRow]


class ForwardedEmail(Shape):
    """``message`` is the whole message: its raw text, or base64 of its bytes."""

    message: Annotated[str, Field(min_length=1, max_length=_MESSAGE)]
    type: Annotated[RequestType | None, Field(description="else what its words fit, or `other`")] = None
    jurisdiction: Jurisdiction = None
    received_at: Annotated[Moment | None, Field(description="else when it was sent")] = None


class EmailTaken(RightsRequest):
    """The request. ``repeated``: this message came before; ``suggested``: a person should look at its type;
    ``forwarded``: the requester is the sender of a message inside; ``attachments``: how many were left out."""

    repeated: bool
    suggested: bool
    forwarded: bool
    attachments: int


def import_csv(call: Call[Nothing, CsvFile]) -> ImportReport:
    """Record the rows of a file."""
    body = call.body
    found = imports.from_csv(call.core, call.tenant_id, call.caller.actor, body.csv, dry_run=body.dry_run)
    rows = [ImportedRow.model_validate(one.as_json()) for one in found]
    return ImportReport(dry_run=body.dry_run, rows=rows, **imports.counts(found))


def take_email(call: Call[Nothing, ForwardedEmail]) -> EmailTaken:
    """Record an e-mail."""
    body = call.body
    taken = email_intake.take(
        call.core,
        call.tenant_id,
        call.caller.actor,
        body.message,
        type=body.type,
        jurisdiction=body.jurisdiction,
        received_at=body.received_at,
    )
    told = {
        "repeated": not taken.new,
        "suggested": taken.suggested,
        "forwarded": taken.letter.forwarded,
        "attachments": len(taken.letter.attachments),
    }
    return EmailTaken.model_validate({**values(taken.request), **told})
