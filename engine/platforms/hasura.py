"""Hasura event triggers: a static secret in a header, so the trust is ``bearer``.

The engine signs nothing; the header's name and value are whatever the trigger's definition says. A row change
runs the workflow its table maps to. ``session_variables`` are claims of whoever called Hasura and are never
read. Source: https://hasura.io/docs/2.0/event-triggers/payload/

Options: ``secret_header`` (default ``X-Dxflow-Secret``); ``table.<name>`` or ``table.<schema>.<name>``, whose
value is one of ``WORKFLOWS`` (any other word, like ``none``, takes the table out); ``consent_column``, a
column that holds marketing consent.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from ..errors import Malformed, NotAuthentic, PermanentError
from . import hasura_rows
from .base import Delivery, Endpoint, Extraction, Identity, NoProbe, Trust
from .bodies import mapping, parse_object, printable, text, time_of
from .signatures import any_match, as_bytes, required_header, usable

DEFAULT_HEADER = "X-Dxflow-Secret"
DEFAULT_TABLES: Mapping[str, str] = MappingProxyType(
    {
        "data_controllers": "data_controller",
        "data_subjects": "data_subject",
        "data_processing_activities": "processing_activity",
        "data_subjects_rights_requests": "rights_request",
        "users": "user",
        "data_controller_users": "membership",
    }
)
"""Workflow by table, where no option says otherwise."""
WORKFLOWS = frozenset(DEFAULT_TABLES.values())

_NEW_ROW = frozenset({"INSERT", "UPDATE", "MANUAL"})
_REQUIRED = ("id", "created_at", "event", "table", "trigger")


class Hasura(NoProbe):
    """Row changes of the tables that map to a workflow."""

    name = "hasura"

    def verify(self, delivery: Delivery, endpoint: Endpoint, now: datetime) -> Trust:
        """Compare the static secret of the configured header."""
        del now  # Hasura signs nothing
        name = endpoint.options.get("secret_header", "").strip() or DEFAULT_HEADER
        given = required_header(delivery.headers, name.lower())
        if not any_match(usable(endpoint.secrets), [as_bytes(given)]):
            raise NotAuthentic("the secret header matches none of the connector's secrets")
        return Trust.BEARER

    def identify(self, delivery: Delivery, endpoint: Endpoint) -> Identity:
        """Name an event by its id, which is the same on every try."""
        payload = parse_object(delivery.body)
        missing = [key for key in _REQUIRED if not payload.get(key)]
        event_id, topic, workflow = text(payload.get("id")), _topic(payload), _workflow(payload, endpoint)
        if missing or event_id is None or topic is None:
            raise Malformed(f"not an event trigger's payload (needs {', '.join(_REQUIRED)}, table and op)")
        table = mapping(payload["table"])
        meta = printable(
            {
                "event_id": event_id,
                "workflow": workflow,
                "table": text(table.get("name")),
                "schema": text(table.get("schema")),
                "op": text(mapping(payload["event"]).get("op")),
                "trigger": text(mapping(payload["trigger"]).get("name")),
                "created_at": text(payload["created_at"]),
            }
        )
        handled = workflow is not None and _operation(payload) in _NEW_ROW | {"DELETE"}
        return Identity(topic, (event_id,), meta, handled)

    def extract(self, topic: str, body: bytes, meta: Mapping[str, str], endpoint: Endpoint) -> Extraction:
        """Read one row. Raises PermanentError for unmapped tables and for an operation without its row."""
        del meta  # everything is in the body, and the options may have changed since
        payload = parse_object(body)
        workflow = _workflow(payload, endpoint)
        if workflow is None or _topic(payload) != topic:
            raise PermanentError("the table maps to no workflow, or is not the topic's")
        row = hasura_rows.Row(
            values=_row(payload),
            deleted=_operation(payload) == "DELETE",
            table=text(mapping(payload.get("table")).get("name")) or "",
            changed_at=time_of(payload.get("created_at")),
            scope=f"hasura:{endpoint.connector_id}",
            tables=_tables_by_workflow(endpoint),
            consent_column=endpoint.options.get("consent_column", "").strip(),
        )
        return hasura_rows.READERS[workflow](row)


def _operation(payload: Mapping[str, object]) -> str:
    return text(mapping(payload.get("event")).get("op")) or ""


def _topic(payload: Mapping[str, object]) -> str | None:
    """``users.INSERT``; None where the table or the operation isn't named."""
    table, operation = text(mapping(payload.get("table")).get("name")), _operation(payload)
    return printable({"topic": f"{table}.{operation}"})["topic"] if table and operation else None


def _workflow(payload: Mapping[str, object], endpoint: Endpoint) -> str | None:
    table = mapping(payload.get("table"))
    name = text(table.get("name")) or ""
    qualified = f"table.{text(table.get('schema')) or ''}.{name}"
    options = endpoint.options
    chosen = options.get(qualified) or options.get(f"table.{name}") or DEFAULT_TABLES.get(name, "")
    return chosen if chosen in WORKFLOWS else None


def _tables_by_workflow(endpoint: Endpoint) -> dict[str, str]:
    """Which table holds a workflow's rows, so that a foreign key is given the scope of what it points to."""
    tables = {workflow: table for table, workflow in DEFAULT_TABLES.items()}
    for option, workflow in sorted(endpoint.options.items()):
        if option.startswith("table.") and workflow in WORKFLOWS:
            tables[workflow] = option.rpartition(".")[2]
    return tables


def _row(payload: Mapping[str, object]) -> dict[str, object]:
    data = mapping(mapping(payload.get("event")).get("data"))
    operation = _operation(payload)
    row = data.get("new") if operation in _NEW_ROW else data.get("old") if operation == "DELETE" else None
    if not isinstance(row, dict):
        raise PermanentError("the operation is unknown or came without its row")
    return row
