"""A data controller with years behind it: a million events, their activities and log, many people and requests.

Rows are written as the engine writes them, past its steps: what a page asks for is the same, and a million
deliveries aren't what is measured. Most lie in the last thirty days, some in the last hour.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Any

from dxflow.engine import moments
from dxflow.engine.core import Core
from dxflow.engine.identity import did
from dxflow.engine.ledger.log import Leaf
from dxflow.engine.rights import deadlines
from dxflow.engine.services.connectors import connectors
from dxflow.engine.store import models, quick

_SHARE = 5_000
_TOPICS = ("customers/create", "customers/update", "orders/create", "customers/delete", "checkouts/update")
_PURPOSES = (
    "order_fulfilment",
    "marketing",
    "account",
    "support",
    "analytics",
    "billing",
    "fraud_prevention",
)
_BASES = ("contract", "consent", "legal_obligation", "legitimate_interests")
_STATES = ("done",) * 985 + ("failed",) * 10 + ("discarded",) * 5
_ERRORS = (
    "the body does not have the shape of its Shopify topic",
    "Shopify topic version 2031-01 is unknown",
    "the dx-agent did not answer",
)
_STEPS = ("extract", "match", "log", "consent")


@dataclass(frozen=True, slots=True)
class Size:
    """How many of each."""

    events: int
    subjects: int
    requests: int
    notices: int = 2_000
    connectors: int = 12


@dataclass(frozen=True, slots=True)
class Crowd:
    """Some of what is there, to look at one by one."""

    event: str
    failed: str
    subject: str
    activity: str
    request: str
    connector: str


class Filling:
    """Fills one tenant, in one transaction for each kind of row."""

    def __init__(self, core: Core, tenant_id: str, size: Size) -> None:
        self.core, self.tenant_id, self.size = core, tenant_id, size
        self.now, self.chance = core.clock(), Random(7)

    def everything(self) -> Crowd:
        """Fill, and let the database look at what it has, as PostgreSQL does by itself."""
        shops = [
            connectors.add(self.core, self.tenant_id, "shopify", ["a secret of the shop"]).id
            for _ in range(self.size.connectors)
        ]
        subjects = list(self._subjects())
        requests = self._requests(subjects)
        self._notices()
        with self.core.store.transaction():
            models.Event.delete().execute()  # what the triggers noticed
        events, failed = self._events(shops, subjects)
        activity = self._activities(subjects, events)
        self._log(events)
        models.database.execute_sql("ANALYZE")
        return Crowd(events[-1], failed, subjects[0], activity, requests[0], shops[0])

    def _subjects(self) -> Iterator[str]:
        made, links = [], []
        for number in range(self.size.subjects):
            one, at = self.core.new_id(), self._moment(number / self.size.subjects)
            made.append(
                {"id": one, "tenant_id": self.tenant_id, "did": did.derive(one, "dep"), "state": "active",
                 "sources": {"shopify": moments.to_text(at)}, "created_at": at, "updated_at": at}
            )  # fmt: skip
            for field in ("email", "phone"):
                mark = sha256(f"{field}{number}".encode()).hexdigest()
                links.append(
                    {"tenant_id": self.tenant_id, "subject_id": one, "field": field, "scope": "",
                     "key_version": 1, "link": mark, "created_at": at}
                )  # fmt: skip
        self._insert(models.DataSubject, made)
        self._insert(models.DataSubjectLink, links)
        return (str(row["id"]) for row in made)

    def _requests(self, subjects: Sequence[str]) -> list[str]:
        made = []
        for number in range(self.size.requests):
            at = self.now - timedelta(hours=number % 600)
            row = models.RightsRequest(
                id=self.core.new_id(), tenant_id=self.tenant_id, type="access", regime="gdpr",
                jurisdiction="DE", state="received", source="form", reference="", received_at=at,
                created_at=at, subject_id=subjects[number % len(subjects)],
            )  # fmt: skip
            for name, value in deadlines.columns(row, "UTC", self.now).items():
                setattr(row, name, value)
            made.append(row.__data__)
        self._insert(models.RightsRequest, made)
        return [str(row["id"]) for row in made]

    def _notices(self) -> None:
        self._insert(
            models.Notification,
            [
                {"id": self.core.new_id(), "tenant_id": self.tenant_id, "kind": "request.received",
                 "severity": "info", "title": "New rights request: access", "body": "Answer it in time.",
                 "created_at": self._moment(number / self.size.notices)}
                for number in range(self.size.notices)
            ],
        )  # fmt: skip

    def _events(self, shops: Sequence[str], subjects: Sequence[str]) -> tuple[list[str], str]:
        ids, failed = [], ""
        rows = []
        for number in range(self.size.events):
            at, state = self._moment(number / self.size.events), self.chance.choice(_STATES)
            state = state if number else "failed"  # one at least
            one, wrong = self.core.new_id(), state != "done"
            step = self.chance.choice(_STEPS) if wrong else "done"
            error = self.chance.choice(_ERRORS) if wrong else None
            failed = one if state == "failed" else failed
            ids.append(one)
            history = json.dumps([{"at": moments.to_text(at), "step": "extract", "outcome": "person"}])
            rows.append(
                (one, self.tenant_id, self.chance.choice(shops), "shopify", self.chance.choice(_TOPICS),
                 "webhook", step, state, error, "signed", history, self.chance.choice(subjects), None,
                 moments.to_text(at), moments.to_text(at + timedelta(seconds=2)))
            )  # fmt: skip
        self._bare(
            "events",
            "id tenant_id connector_id source topic workflow step state error trust history subject_id due_at "
            "received_at updated_at",
            rows,
        )
        return ids, failed

    def _activities(self, subjects: Sequence[str], events: Sequence[str]) -> str:
        rows = []
        for number, event in enumerate(events):
            one, at = self.core.new_id(), moments.to_text(self._moment(number / len(events)))
            rows.append(
                (one, self.tenant_id, did.derive(one, "dep"), self.chance.choice(subjects), "profile_update",
                 self.chance.choice(_BASES), self.chance.choice(_PURPOSES), '["email"]', "shopify", event, at,
                 at, "registered", number, number + 1)
            )  # fmt: skip
        self._bare(
            "data_processing_activities",
            "id tenant_id did subject_id activity_type legal_basis purpose fields source event_id occurred_at "
            "created_at registration_state log_index tree_size",
            rows,
        )
        with self.core.store.transaction():
            models.Event.delete().where(models.Event.source == "database").execute()
        return str(rows[-1][0])

    def _log(self, events: Sequence[str]) -> None:
        """An entry for each event; a page asks for entries and proofs alike."""
        for first in range(0, self.size.events, _SHARE):
            count = min(_SHARE, self.size.events - first)
            leaves = [
                Leaf(
                    "workflow.step",
                    {"actor": "workflow:webhook", "workflow": "webhook", "step": "log", "outcome": "logged",
                     "event": events[first + at]},
                )
                for at in range(count)
            ]  # fmt: skip
            with self.core.store.transaction():
                self.core.log.append(self.tenant_id, leaves)

    def _moment(self, share: float) -> datetime:
        """The first 98 % over thirty days, the rest in the last hour."""
        if share < 0.98:
            return self.now - timedelta(days=30) + (timedelta(days=30) - timedelta(hours=1)) * (share / 0.98)
        return self.now - timedelta(hours=1) * ((1 - share) / 0.02)

    def _insert(self, model: Any, rows: Sequence[dict[str, Any]]) -> None:
        with self.core.store.transaction():
            quick.insert_all(model, rows)

    def _bare(self, table: str, columns: str, rows: Iterable[tuple[object, ...]]) -> None:
        names = columns.split()
        text = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        with self.core.store.transaction():
            models.database.connection().executemany(text, rows)
