"""The relay: takes due events from the table to the queues, and notices what Redis forgot.

It asks the table whenever somebody rings (a commit in this process, a change by another program), when the next
retry comes due, and at least once a second. A tenant with a message waiting or under way is left alone until
that is over, and so is one that was served a moment ago: meanwhile its events gather in the table and travel
together in one message, so batches grow by themselves under load and stay at one when it is quiet, and Redis
never holds a long queue.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice, takewhile

import structlog
from dramatiq.errors import BrokerError

from ..engine import runner
from ..engine.core import Core
from ..engine.errors import DxflowError
from ..engine.machine import WORKFLOW, queue_name
from ..engine.outbox import BATCH, Outbox
from ..engine.services import idempotency
from ..engine.services.people import attempts, password_resets, session_rows
from ..engine.services.traffic import pausing
from ..engine.store import scope
from .broker.broker import TenantBroker
from .dispatcher import Dispatcher, tenant_did

logger = structlog.get_logger(__name__)

GLANCE = 1.0
"""Seconds at most between two looks at the table and at Redis."""

REST = 0.005
"""Seconds at least from one look to the next, and as long as the look took: the relay never takes more than
half of a core, and what comes meanwhile travels together."""

TAKE = 1024
"""Events of one tenant, or of all, in one look; of a tenant with a weight, so many times its share."""

HOLD = 0.5
"""Seconds at most for which a tenant that was served keeps others in the table: its worker may have died."""

PAGE = 64
"""Tenants in one step of the round."""

GATHER = 0.04
"""Seconds from one hand-over of a tenant to its next: what comes meanwhile travels together. The first event
after a quiet moment waits for nothing."""

FORGET_EVERY = 3600.0
"""Seconds."""


@dataclass(slots=True)
class Relay:
    """One thread per process; any number of processes."""

    core: Core
    broker: TenantBroker
    dispatcher: Dispatcher
    most: int = 8
    """Tenants that this process has messages of in the workflow queues: enough that no worker waits for one.
    All others had better gather in the table than wait in Redis."""
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _reachable: bool = True
    _recovered: bool = False
    _forget_at: float = 0.0
    _round_at: str = ""
    """The tenant that was looked at last; the round goes on behind it."""
    _paused: set[str] = field(default_factory=set)
    """Tenants whose events stay in the table, as the last look found it."""
    _out: dict[str, float] = field(default_factory=dict)
    """When tenants were last served, for those that aren't done yet, or are to gather more first."""

    def start(self) -> None:
        """Begin relaying."""
        self._thread = threading.Thread(target=self._run, name="dxflow-relay", daemon=True)
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Stop after the hand-over under way; what isn't handed over stays due."""
        self._stopping.set()
        self.core.bell.set()
        if self._thread is not None:
            self._thread.join(timeout)

    @property
    def _outbox(self) -> Outbox:
        return Outbox(self.core)

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread is not None and self._thread.is_alive()

    @scope.everyone("work is handed out fairly among all tenants")
    def _run(self) -> None:
        while not self._stopping.is_set():
            began = time.monotonic()
            self.core.bell.clear()
            sent = self._look()
            self._stopping.wait(max(REST, time.monotonic() - began))
            if not sent:
                self.core.bell.wait(self._pause())
        self.core.store.close()

    def _look(self) -> int:
        """One look at Redis and at the table; returns the number of messages handed over."""
        try:
            self._check_marker()
            self._recover()
            sent = self.hand_over()
            self._forget()
        except (BrokerError, DxflowError) as error:
            self._say_unreachable(error)
        except Exception as error:  # noqa: BLE001 - a defect: without its relay the process does nothing
            logger.error("relay_defect", **runner.where(error))
            self._say_unreachable(error)  # look again in a second, not fifty times in it
        else:
            self._say_reachable()
            return sent
        return 0

    def hand_over(self) -> int:
        """Dispatch what is due of as many tenants as there is room for; returns the number of messages."""
        tenant_ids = self._next()
        if not tenant_ids:
            return self._send_account_mail()
        self.dispatcher.refresh_weights()
        share, weights, sent = max(BATCH, TAKE // len(tenant_ids)), self.dispatcher.weights, 0
        rows = self._outbox.due_of({one: share * weights.get(one, 1) for one in tenant_ids})
        for start in range(0, len(rows), TAKE):  # a transaction each: a great weight mustn't hold up the edge
            dispatches = self._outbox.claim(rows[start : start + TAKE], self._known)
            if not self.dispatcher.send(dispatches):
                return 0
            sent += len(dispatches)
        self._out.update(dict.fromkeys(tenant_ids, time.monotonic()))
        return sent + self._send_account_mail()

    def _send_account_mail(self) -> int:
        """Dispatch what goes though its tenant is paused; the number of messages."""
        rows = pausing.account_mail(self.core, self._paused) if self._paused else []
        dispatches = self._outbox.claim(rows, self._known)
        return len(dispatches) if dispatches and self.dispatcher.send(dispatches) else 0

    def _next(self) -> list[str]:
        """Whose turn it is: tenants with something due, nothing waiting or under way in their workflow queue,
        and not served just now; as many as there is room for."""
        now, empty = time.monotonic(), self._empty(list(self._out))
        under_way = {one for one, at in self._out.items() if one not in empty and now - at < HOLD}
        self._out = {one: at for one, at in self._out.items() if one in under_way or now - at < GATHER}
        chosen, room = list[str](), self.most - len(under_way)
        due = (one for one in self._round() if one not in self._out)
        while len(chosen) < room and (some := list(islice(due, room - len(chosen)))):
            chosen += self._empty(some)
        return chosen

    def _round(self) -> Iterator[str]:
        """Tenants with something due that aren't paused, each once, beginning behind the one looked at last.

        A few due events name their tenants themselves. Where there are many, whoever has a backlog would hide
        the others: then it goes from tenant to tenant, past everybody's backlog.
        """
        last = self._round_at
        longest = self._outbox.longest_due(TAKE)
        self._paused = self._outbox.paused() if longest else set()
        if len(longest) < TAKE:
            found = sorted(set(longest))
            begin = bisect(found, last)
            ids = chain(found[begin:], found[:begin])
        else:
            ids = chain(self._pages(last), takewhile(lambda one: one <= last, self._pages("")))
        for one in ids:
            self._round_at = one
            if one not in self._paused:
                yield one

    def _pages(self, after: str) -> Iterator[str]:
        while page := self._outbox.tenants_due(PAGE, after):
            yield from page
            after = page[-1]

    def _empty(self, tenant_ids: list[str]) -> list[str]:
        """Those with nothing waiting or under way in their workflow queue, and a queue that answers."""
        names = {one: self._queue(one) for one in tenant_ids}
        depths = self.broker.depths(list(names.values())) if names else {}
        free = {name for name, depth in depths.items() if not (depth.ready or depth.in_flight)}
        return [one for one, name in names.items() if name in free]

    def _known(self, messages: Iterable[tuple[str, str]]) -> set[str]:
        """The ids of those (tenant id, message id) that Redis still has."""
        return self.broker.known((self._queue(tenant_id), message_id) for tenant_id, message_id in messages)

    def _queue(self, tenant_id: str) -> str:
        return queue_name(WORKFLOW, tenant_did(tenant_id, self.core.did_method))

    def _check_marker(self) -> None:
        """A Redis without our marker is new or was wiped: whatever it had is due again."""
        if self.broker.mark():
            released = self._outbox.release_all()
            logger.info("redis_is_new", events_due_again=released)

    def _recover(self) -> None:
        """At the start and after each outage: what a killed process had claimed and not yet enqueued, or a
        killed Redis not yet written to its file, needn't wait for its lease to end. What another process is
        about to enqueue may come twice by this, which changes nothing."""
        if self._recovered:
            return
        claimed = self._outbox.claimed()
        known = self._known(set(claimed.values()))
        lost = [
            (event_id, message_id) for event_id, (_, message_id) in claimed.items() if message_id not in known
        ]
        for start in range(0, len(lost), TAKE):
            self._outbox.release(dict(lost[start : start + TAKE]))
        self._recovered = True

    def _forget(self) -> None:
        """Once an hour: kept answers, sessions and counts of failed sign-ins whose time is over."""
        if time.monotonic() >= self._forget_at:
            self._forget_at = time.monotonic() + FORGET_EVERY
            for room in (idempotency, session_rows, attempts, password_resets):
                room.forget(self.core)

    def _pause(self) -> float:
        if not self._reachable:
            return GLANCE
        try:  # a paused tenant's events are due all the time: looking at them again and again moves nothing
            due = self._outbox.next_due(coming=bool(self._paused and not self._out))
        except Exception as error:  # noqa: BLE001 - outside the loop's own net: it must not end the thread
            self._say_unreachable(error)
            return GLANCE
        if due is None:
            return GLANCE
        return min(GLANCE, max(0.02, (due - self.core.clock()).total_seconds()))

    def _say_reachable(self) -> None:
        if not self._reachable:
            logger.info("relay_resumed")
        self._reachable = True

    def _say_unreachable(self, error: Exception) -> None:
        if self._reachable:
            logger.warning("relay_waiting", reason=type(error).__name__)
        self._reachable = self._recovered = False
