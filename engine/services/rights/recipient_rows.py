"""Orders to erase, obligations and marks as the command line prints them: plain, and naming nobody."""

from __future__ import annotations

from typing import Any

from ...store import models

Row = dict[str, Any]

CONNECTOR_API = {
    "connector_id": "Connector",
    "base_url": "Address",
    "checked_at": "Tried",
    "fault": "Fault",
}
ORDER = {
    "id": "Order",
    "state": "State",
    "reason": "Reason",
    "proposed_by": "Proposed by",
    "proposed_at": "Proposed",
    "adopted_by": "Adopted by",
    "decided_by": "Decided by",
    "certified": "Certificate",
}
OBLIGATION = {
    "id": "Id",
    "recipient": "Recipient",
    "kind": "To",
    "state": "State",
    "not_before": "Not before",
    "remains": "Remains",
    "reason": "Why",
}
KNOWN_AS = OBLIGATION | {"ids": "Ids there", "emails": "E-mail", "phones": "Telephone", "lists": "Audiences"}
SUPPRESSION = {
    "id": "Id",
    "field": "Of",
    "reason": "Why",
    "created_at": "Made",
    "hits": "Hits",
    "lifted_at": "Lifted",
}


def connector_api(row: models.ConnectorApi) -> Row:
    """Without its credentials."""
    return _columns(row, *CONNECTOR_API, "created_at")


def order(row: models.ErasureOrder) -> Row:
    """Without its plan and certificate."""
    more = (
        "subject_id",
        "request_id",
        "adopted_at",
        "decided_at",
        "executed_at",
        "log_index",
        "with_account",
    )
    return _columns(row, *ORDER, *more)


def obligation(row: models.Obligation) -> Row:
    """Without whom it is about."""
    more = ("request_id", "order_id", "connector_id", "receipt", "closed_by", "created_at", "finished_at")
    return _columns(row, *OBLIGATION, *more)


def suppression(row: models.Suppression) -> Row:
    """Without its digits."""
    return _columns(row, *SUPPRESSION, "order_id", "lifted_by")


def _columns(row: Any, *names: str) -> Row:
    return {name: getattr(row, name) for name in names}
