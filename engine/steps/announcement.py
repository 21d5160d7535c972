"""What happened is told to an endpoint that asked for it. deliver → done

2xx is delivered. 410 says that nobody wants to hear any more: the endpoint is disabled. Everything else, also
what is no server's fault (404 while somebody deploys), is tried again on the specification's schedule, over
three days, or later where the endpoint asks for it (Retry-After).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from .. import announcing, notices
from ..calling import Reply
from ..core import Core
from ..errors import TransientError
from ..retry import RetryPolicy
from ..store import models, quick
from .base import Outcome, Prepared, Step

AT_ONCE = 8
"""Endpoints called at the same time: one that says nothing keeps nobody else waiting."""
GONE = 410
SCHEDULE = RetryPolicy.of(5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds after each failed attempt, as the specification's example has them: about 76 hours in all."""


@dataclass(frozen=True, slots=True)
class _Call:
    """One telling with all that it takes from the database: it goes out in a thread of its own."""

    url: str
    body: bytes
    headers: dict[str, str]

    def make(self, core: Core) -> Reply | Exception:
        try:
            return core.outgoing.call("the webhook endpoint", "POST", self.url, self.body, self.headers)
        except Exception as error:  # noqa: BLE001  # it is the event's own, and raised where its step runs
            return error


def calls(core: Core, events: Sequence[models.Event], _: int | None) -> Prepared:
    """Under each event's id what its endpoint answered, or the error that calling it ended with."""
    tenant_id = events[0].tenant_id
    with core.store.reachable():
        rows = quick.by_ids(models.Announcement, (event.entity_id for event in events), tenant_id=tenant_id)
        wanted = {
            event.id: rows[event.entity_id] for event in events if _due(rows.get(event.entity_id), event)
        }
        named = (row.endpoint_id for row in wanted.values())
        endpoints = quick.by_ids(models.WebhookEndpoint, named, tenant_id=tenant_id)
        made = {name: _call(core, row, endpoints.get(row.endpoint_id)) for name, row in wanted.items()}
    ready = {name: one for name, one in made.items() if one is not None}
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        answers = list(pool.map(lambda call: call.make(core), ready.values()))
    return dict(zip(ready, answers, strict=True))


def deliver(core: Core, event: models.Event, prepared: Prepared) -> Outcome:
    """Write down what was answered. Raises what calling ended with."""
    row = quick.lock(models.Announcement, id=event.entity_id, tenant_id=event.tenant_id)
    if row is None:
        return Outcome("gone", {"change": event.topic})
    told = {"announcement": row.id, "endpoint": row.endpoint_id, "topic": row.topic}
    if not _due(row, event):
        return Outcome("unchanged", {**told, "state": row.state})
    answer: Reply | Exception | None = prepared.get(event.id)
    if isinstance(answer, Exception):
        raise answer
    if answer is None:  # nobody is called at an endpoint that is disabled
        _end(core, row, "withdrawn", None)
        return Outcome("withdrawn", told)
    if answer.status == GONE:
        _disable(core, row)
        _end(core, row, "withdrawn", answer.status)
        return Outcome("withdrawn", {**told, "status": answer.status})
    if not 200 <= answer.status < 300:
        raise TransientError(f"the webhook endpoint answers HTTP {answer.status}", answer.retry_after)
    _end(core, row, "delivered", answer.status)
    return Outcome("delivered", {**told, "status": answer.status})


def give_up(core: Core, event: models.Event) -> None:
    """The attempts are used up, or trying again can't help."""
    row = quick.lock(models.Announcement, id=event.entity_id, tenant_id=event.tenant_id)
    if row is not None and row.state == "pending":
        _end(core, row, "failed", None)


def _due(row: models.Announcement | None, event: models.Event) -> bool:
    """Whether this event is to deliver: also one that failed before and is replayed."""
    if row is None or not event.topic.endswith(".INSERT"):
        return False
    return row.state == "pending" or (row.state == "failed" and bool(event.history))


def _call(core: Core, row: models.Announcement, endpoint: models.WebhookEndpoint | None) -> _Call | None:
    if endpoint is None or endpoint.disabled_at is not None:
        return None
    body, now = announcing.payload(row), int(core.clock().timestamp())
    headers = announcing.headers(row, body, now, announcing.secrets_of(core, endpoint))
    return _Call(str(endpoint.url), body, headers)


def _end(core: Core, row: models.Announcement, state: str, status: int | None) -> None:
    at = core.clock() if state == "delivered" else None
    quick.update(models.Announcement, {"id": row.id}, {"state": state, "status": status, "delivered_at": at})


def _disable(core: Core, row: models.Announcement) -> None:
    """Nobody wants to hear any more: once, and people are told."""
    endpoint = models.WebhookEndpoint
    ended = endpoint.update(disabled_at=core.clock(), disabled_because="HTTP 410 Gone")
    if ended.where(endpoint.id == row.endpoint_id, endpoint.disabled_at.is_null()).execute():
        notices.endpoint_disabled(core, row.tenant_id, row.endpoint_id)


STEPS = {"deliver": Step(deliver, calls, give_up, SCHEDULE)}
