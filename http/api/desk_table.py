"""The rights desk's part of the API's table (``table.py``)."""

from __future__ import annotations

from ...engine.access.roles import Permission
from . import (
    erasures,
    fulfilment,
    legal_holds,
    limits,
    messages,
    obligations,
    reports,
    request_actions,
    request_doors,
    rights_desk,
    suppressions,
    webhook_endpoints,
)
from .operation import Operation, get, post
from .values import Nothing

LOOK, RECORD, READ_PEOPLE = Permission.LOOK, Permission.RECORD, Permission.READ_PEOPLE

OPERATIONS: tuple[Operation, ...] = (
    post(
        # Many small transactions: one long one would make every delivery wait, and repeating it is harmless.
        "/rights-requests/import", RECORD, request_doors.import_csv, "Record the requests of a CSV file",
        body=request_doors.CsvFile, answer=request_doors.ImportReport, atomic=False,
    ),
    post(
        "/rights-requests/email", RECORD, request_doors.take_email, "Record a request that came as an e-mail",
        body=request_doors.ForwardedEmail, answer=request_doors.EmailTaken, status=201,
    ),
    get(
        "/rights-desk", LOOK, rights_desk.show, "Show how the rights desk works",
        query=Nothing, answer=rights_desk.RightsDesk,
    ),
    post(
        "/rights-desk", Permission.MANAGE_TENANT, rights_desk.change, "Change how the rights desk works",
        body=rights_desk.RightsDeskChange, answer=rights_desk.RightsDesk,
    ),
    *request_actions.OPERATIONS,
    *fulfilment.OPERATIONS,
    *messages.OPERATIONS,
    *legal_holds.OPERATIONS,
    *limits.OPERATIONS,
    *erasures.OPERATIONS,
    *suppressions.OPERATIONS,
    *obligations.OPERATIONS,
    *reports.OPERATIONS,
    *webhook_endpoints.OPERATIONS,
)  # fmt: skip
