"""An agent is told how a request of its own stands (Data Rights Protocol 1.0, section 2.03). deliver → done

What is said is how the request stands at the moment of the call, so only the newest word about a request is
said: an older one that still waits is superseded. Two calls about one request may overlap all the same, and
then nobody knows which came last: the one that ends second has the agent told once more.

2xx is delivered; 410 says that nobody wants to hear it. Everything else is tried again, on the schedule of
webhooks or later where the agent asks for it (Retry-After). No error names the agent's address: it may be a
secret, and its host is the agent's to choose.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ..calling import Reply
from ..core import Core
from ..errors import DxflowError, TransientError
from ..outgoing import Refused
from ..rights import following
from ..store import models, quick
from .announcement import AT_ONCE, GONE, SCHEDULE
from .base import Outcome, Prepared, Step

WHAT = "the agent"
_INSIDE = (
    "the agent's status_callback leads to an address that isn't public, or isn't asked over https; "
    "DXFLOW_ALLOWED_NETWORKS may allow it"
)
SUPERSEDED, WITHDRAWN, FAILED = "superseded", "withdrawn", "failed"


@dataclass(frozen=True, slots=True)
class _Call:
    """One word with all that it takes from the database; ``before`` are those that had come through by then."""

    url: str = field(repr=False)
    body: bytes
    before: int

    def make(self, core: Core) -> _Answer | Exception:
        headers = {"Content-Type": "application/json"}
        try:
            return _Answer(core.outgoing.call(WHAT, "POST", self.url, self.body, headers), self.before)
        except TransientError as error:
            return TransientError(self._nameless(str(error)), error.retry_after)
        except Refused:
            return Refused(_INSIDE)
        except Exception as error:  # noqa: BLE001  # it is the event's own, and raised where its step runs
            return error

    def _nameless(self, text: str) -> str:
        at_its_host = f"{WHAT} at {urlsplit(self.url).netloc} "
        said = text.removeprefix(at_its_host)
        return f"{WHAT} {said}" if said != text else f"{WHAT} couldn't be told"


@dataclass(frozen=True, slots=True)
class _Answer:
    reply: Reply
    before: int


def calls(core: Core, events: Sequence[models.Event], _: int | None) -> Prepared:
    """Under each event's id what the agent answered, the state its word ends in without a call, or the error
    that it ended with."""
    tenant_id = events[0].tenant_id
    with core.store.reachable():
        rows = quick.by_ids(models.StatusCallback, (event.entity_id for event in events), tenant_id=tenant_id)
        due = {event.id: rows[event.entity_id] for event in events if _due(rows.get(event.entity_id), event)}
        made = {name: _made(core, row) for name, row in due.items()}
    ready = {name: one for name, one in made.items() if isinstance(one, _Call)}
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        answers = list(pool.map(lambda call: call.make(core), ready.values()))
    return {**made, **dict(zip(ready, answers, strict=True))}


def deliver(core: Core, event: models.Event, prepared: Prepared) -> Outcome:
    """Write down what was answered, while nobody changes the request. Raises what calling ended with."""
    row = _held(event)
    if row is None:
        return Outcome("gone", {"change": event.topic})
    leaf = {"callback": row.id, "request": row.request_id}
    ended: _Answer | str | Exception | None = prepared.get(event.id)
    if ended is None or not _due(row, event):
        return Outcome("unchanged", {**leaf, "state": row.state})
    if isinstance(ended, Exception):
        raise ended
    if isinstance(ended, str):
        return _end(core, row, ended, None, leaf)
    status = ended.reply.status
    if status == GONE:
        return _end(core, row, WITHDRAWN, status, leaf)
    if not 200 <= status < 300:
        raise TransientError(f"{WHAT} answers HTTP {status}", ended.reply.retry_after)
    if _delivered(row) != ended.before:
        following.tell(core, models.RightsRequest.get_by_id(row.request_id))
    return _end(core, row, following.DELIVERED, status, leaf)


def give_up(core: Core, event: models.Event) -> None:
    """The attempts are used up, or trying again can't help."""
    row = _held(event)
    if row is not None and row.state == following.PENDING:
        _end(core, row, FAILED, None, {})


def _made(core: Core, row: models.StatusCallback) -> _Call | str | DxflowError:
    if _newer(row):
        return SUPERSEDED
    request = quick.get(models.RightsRequest, id=row.request_id, tenant_id=row.tenant_id)
    if request is None or not _listens(request):
        return WITHDRAWN
    try:
        url, said = following.followed(core, request).callback, following.status(core, request)
    except DxflowError as error:
        return error
    return _Call(url, json.dumps(said).encode(), _delivered(row)) if url else WITHDRAWN


def _listens(request: models.RightsRequest) -> bool:
    """Whether the agent may still hear of people here."""
    agent = quick.get(models.PrivacyAgent, id=request.privacy_agent_id, tenant_id=request.tenant_id)
    return agent is not None and agent.disabled_at is None


def _held(event: models.Event) -> models.StatusCallback | None:
    """The word, while the caller's transaction holds the request that it is about."""
    mine = {"id": event.entity_id, "tenant_id": event.tenant_id}
    row = quick.get(models.StatusCallback, **mine)
    if row is None:
        return None
    quick.lock(models.RightsRequest, id=row.request_id, tenant_id=event.tenant_id)
    return quick.get(models.StatusCallback, **mine)


def _due(row: models.StatusCallback | None, event: models.Event) -> bool:
    """Whether this event is to tell: also one that failed before and is replayed."""
    if row is None or not event.topic.endswith(".INSERT"):
        return False
    return row.state == following.PENDING or (row.state == FAILED and bool(event.history))


def _newer(row: models.StatusCallback) -> bool:
    one = models.StatusCallback
    return bool(one.select().where(one.request_id == row.request_id, one.number > row.number).exists())


def _delivered(row: models.StatusCallback) -> int:
    one = models.StatusCallback
    query = one.select().where(one.request_id == row.request_id, one.state == following.DELIVERED)
    return int(query.count())


def _end(
    core: Core, row: models.StatusCallback, state: str, status: int | None, leaf: dict[str, object]
) -> Outcome:
    changes = {"state": state, "status": status, "ended_at": core.clock()}
    quick.update(models.StatusCallback, {"id": row.id}, changes)
    return Outcome(state, leaf if status is None else {**leaf, "status": status})


STEPS = {"deliver": Step(deliver, calls, give_up, SCHEDULE)}
