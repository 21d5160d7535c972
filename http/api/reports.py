"""``/api/v1/reports``: for the regulator, and naming nobody.

The API speaks JSON: asked for CSV or HTML, it hands the file over inside its answer.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from ...engine import reporting
from ...engine.access.roles import Permission
from .operation import Call, Operation, get
from .values import Moment, Nothing, Shape

Day = Annotated[str, Field(pattern=r"^[1-9][0-9]{3}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?$")]


class ReportQuery(Shape):
    """``from`` and ``to`` are days, months or years, both included, where the desk is."""

    begin: Annotated[Day | None, Field(alias="from")] = None
    end: Annotated[Day | None, Field(alias="to")] = None
    format: Literal["json", "csv", "html"] = "json"


class ReportFile(Shape):
    """A report as a file."""

    name: str
    media_type: str
    text: str


class Report(Shape):
    """``columns`` maps the members of ``rows`` to headings; ``file`` is null for JSON."""

    kind: str
    title: str
    controller: dict[str, str]
    zone: str
    begin: Annotated[str | None, Field(alias="from")]
    end: Annotated[str | None, Field(alias="to")]
    made_at: Moment
    facts: dict[str, Any]
    columns: dict[str, str]
    rows: list[dict[str, Any]]
    notes: list[str]
    file: ReportFile | None


def register(call: Call[ReportQuery, Nothing]) -> Report:
    """Every request with its answer."""
    return _made(call, "register")


def metrics(call: Call[ReportQuery, Nothing]) -> Report:
    """Requests counted."""
    return _made(call, "metrics")


def processing(call: Call[ReportQuery, Nothing]) -> Report:
    """What is done with data."""
    return _made(call, "processing")


def _made(call: Call[ReportQuery, Nothing], kind: str) -> Report:
    query = call.query
    made = reporting.make(call.core, call.tenant_id, kind, query.begin, query.end)
    file = None
    if query.format != "json":
        file = {
            "name": f"{made.name}.{query.format}",
            "media_type": reporting.MEDIA_TYPES[query.format],
            "text": made.text(query.format),
        }
    return Report.model_validate({**made.as_json(), "file": file})


_LOOK = Permission.LOOK
OPERATIONS: tuple[Operation, ...] = (
    get(
        "/reports/register", _LOOK, register, "Report the register of requests",
        query=ReportQuery, answer=Report,
    ),
    get(
        "/reports/metrics", _LOOK, metrics, "Report how many requests came and what became of them",
        query=ReportQuery, answer=Report,
    ),
    get(
        "/reports/processing", _LOOK, processing, "Report the records of processing activities",
        query=ReportQuery, answer=Report,
    ),
)  # fmt: skip
