"""The dx-agent that runs elsewhere, asked over HTTP (DXFLOW_AGENT_URL).

What it answers is verified (``answers.py``) and kept here with its proof, under the fence it was asked with,
so that it can be verified when the agent is gone. A call whose answer was lost is made again: the agent knows
the activities by their ids and gives the same places in the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

import peewee

from ..calling import Reply
from ..errors import Invalid, LogBroken, NotFound, StaleFence
from ..ledger.log import TenantLog
from ..moments import Clock
from ..store import Store, models, quick
from . import answers, wire
from .answers import Asked, Memory, Registered
from .embedded import receipts
from .port import Item, NotBelieved, Receipt
from .transport import Transport

_TRIES = 3
_TRUST = "if its operator says that its keys changed, `dxflow audit trust-agent` accepts them"


class _Stands(NamedTuple):
    """What the store knows before a call: DID and own log of the tenant, receipts by activity id, and the log
    at the agent."""

    tenant: str
    origin: str
    known: dict[str, Receipt]
    memory: Memory | None


@dataclass(frozen=True, slots=True)
class HttpAgent:
    """``token`` (DXFLOW_AGENT_TOKEN) is shown when this engine enrols, as which it is called ``name``."""

    store: Store
    log: TenantLog
    clock: Clock
    transport: Transport
    name: str
    token: str | None = None

    def register(self, tenant_id: str, items: Sequence[Item], fence: int) -> list[Receipt]:
        """See ``DxAgent.register``. Raises Invalid for more items than one call may have."""
        if len(items) > wire.MOST_ITEMS:
            raise Invalid("items", f"{len(items)}; one call may have {wire.MOST_ITEMS}")
        for _ in range(_TRIES):
            stands = self._stands(tenant_id, items, fence)
            known = stands.known
            fresh = {item.activity_id: item for item in items if item.activity_id not in known}
            if fresh:
                found, memory = self._ask(tenant_id, stands, list(fresh.values()), fence)
                if not self._keep(tenant_id, fence, found, stands.memory, memory):
                    continue
                known = known | {one.receipt.activity_id: one.receipt for one in found}
            return [known[item.activity_id] for item in items]
        raise self.transport.fault("is asked by others for this tenant at the same time")

    def trust(self, tenant_id: str) -> Memory:
        """Trust the keys and the name that the agent's log of this tenant has now, and ask it from now on.

        What was seen of this log stays: it must extend that. Raises NotFound, TransientError, LogBroken.
        """
        tenant = self._tenant(tenant_id)
        paths = [f"/log/{tenant}/{name}" for name in ("keys", "checkpoint")]
        keys, checkpoint = (self._read(path) for path in paths)
        found = keys.document
        origin, listed = str(found.get("origin")), found.get("keys")
        vkeys = (
            [str(one.get("vkey")) for one in listed if isinstance(one, dict)]
            if isinstance(listed, list)
            else []
        )
        text = checkpoint.body.decode("utf-8", "replace")
        now = answers.first_sight(origin, text, vkeys)
        size = answers.opened(text, now).size
        with self.store.transaction():
            before = {row.origin: row for row in _rows(tenant_id)}.get(origin)
            if before is None:
                memory = Memory(origin, size, text, now.vkeys)
            else:
                trusted = tuple(dict.fromkeys((*before.vkeys, *now.vkeys)))
                memory = Memory(origin, before.size, before.checkpoint, trusted)
            self._remember(tenant_id, memory)
        return memory

    def _stands(self, tenant_id: str, items: Sequence[Item], fence: int) -> _Stands:
        with self.store.transaction():
            head = self.log.hold(tenant_id, fence)
            known = receipts(tenant_id, [item.activity_id for item in items])
            return _Stands(self._tenant(tenant_id), head.origin, known, _memory(tenant_id))

    def _ask(
        self, tenant_id: str, stands: _Stands, items: Sequence[Item], fence: int
    ) -> tuple[list[Registered], Memory]:
        """One call, and one more after enrolling."""
        entries = [wire.Entry(**asdict(item)) for item in items]
        last = stands.memory
        seen = None if last is None else wire.Seen(origin=last.origin, size=last.size)
        question = wire.Registrations(tenant=stands.tenant, fence=fence, seen=seen, items=entries)
        text = question.model_dump_json()
        reply = self.transport.post(wire.REGISTRATIONS, text)
        if reply.problem == "not-enrolled":
            self._enrol()
            reply = self.transport.post(wire.REGISTRATIONS, text)
        if reply.status != 200:
            raise self._refused(reply, tenant_id, fence)
        try:
            answer = wire.Answer.read(reply.body)
            return answers.check(answer, Asked(stands.tenant, stands.origin, items, stands.memory))
        except LogBroken as fault:
            raise self._broken(fault) from fault

    def _broken(self, fault: LogBroken) -> NotBelieved:
        hint = f"; {_TRUST}" if "no known key" in str(fault) else ""
        return NotBelieved(f"the dx-agent at {self.transport.host} was not believed: {fault}{hint}")

    def _enrol(self) -> None:
        public = self.transport.key().public
        mac = wire.token_mac(self.token, public) if self.token else None
        question = wire.Enrolment(name=self.name, token_mac=mac)
        reply = self.transport.post(wire.ENGINES, question.model_dump_json())
        if reply.status not in (200, 201):
            raise self._refused(reply)

    def _refused(self, reply: Reply, tenant_id: str = "", fence: int = 0) -> Exception:
        """What an answer other than 200 means."""
        if reply.problem == "stale-fence":
            return self._overtaken(reply, tenant_id, fence)
        if reply.problem == "log-rolled-back":
            return self._broken(
                LogBroken("its log is shorter than it was: it was restored from a copy, or cut")
            )
        mine = f"this engine's key {self.transport.key().public}"
        told = {
            "not-enrolled": f"doesn't know {mine}",
            "wrong-token": f"doesn't enrol {mine}: set DXFLOW_AGENT_TOKEN here as it is set there",
            "revoked": f"has revoked {mine}",
            "another-engine": "has this tenant from another engine, whose log it stays",
            "not-authentic": f"didn't take the signature of {mine}: are both clocks right, and is "
            "DXFLOW_AGENT_URL the address that engines use?",
        }.get(reply.problem)
        if told is None and reply.status == 404:
            told = "answered 404: is DXFLOW_AGENT_URL the address of a dx-agent?"
        return self.transport.fault(told or f"answered {reply.status}", reply.retry_after)

    def _overtaken(self, reply: Reply, tenant_id: str, fence: int) -> Exception:
        """Somebody has a newer fence of this database; or the agent has seen one that this database never
        handed out, because it is a copy from before. Then counting goes on from there."""
        newest = reply.document.get("fence")
        stale = StaleFence(f"fence {fence} is stale at the dx-agent")
        if not isinstance(newest, int) or not fence < newest < 2**53:
            return stale
        with self.store.transaction():
            self.log.hold(tenant_id, fence)  # raises StaleFence where this database handed out a newer one
            self.log.admit(tenant_id, newest)
        return self.transport.fault(
            f"has seen fence {newest} of this tenant, and this database had handed out {fence}: was it "
            "restored from a copy? Its count goes on from there"
        )

    def _keep(
        self, tenant_id: str, fence: int, found: Sequence[Registered], asked_with: Memory | None, new: Memory
    ) -> bool:
        """Write it all down. False when the memory that the answer was checked against isn't the last any
        more: then it must be checked again."""
        with self.store.transaction():
            self.log.hold(tenant_id, fence)
            if _memory(tenant_id) != asked_with:
                return False
            common = {"tenant_id": tenant_id, "registered_at": self.clock()}
            rows = [
                {**common, **asdict(one.receipt), "commitment": one.commitment, "proof": one.proof}
                for one in found
            ]
            try:
                quick.insert_all(models.Registration, rows)
            except peewee.IntegrityError:
                fault = LogBroken("it gives places in its log that other activities have had")
                raise self._broken(fault) from None
            self._remember(tenant_id, new)
        return True

    def _remember(self, tenant_id: str, memory: Memory) -> None:
        row = {"tenant_id": tenant_id, **asdict(memory), "vkeys": list(memory.vkeys), "seen_at": self.clock()}
        quick.put(models.AgentCheckpoint, row, "tenant_id", "origin")

    def _read(self, path: str) -> Reply:
        reply = self.transport.get(path)
        if reply.status == 404:
            raise NotFound(f"the dx-agent at {self.transport.host} has no log of this tenant yet")
        if reply.status != 200:
            raise self._refused(reply)
        return reply

    def _tenant(self, tenant_id: str) -> str:
        row = quick.get(models.DataController, id=tenant_id)
        if row is None or row.did is None:
            raise NotFound("there is no such tenant")
        return str(row.did)


def _rows(tenant_id: str) -> list[models.AgentCheckpoint]:
    """The one in use first."""
    model = models.AgentCheckpoint
    return list(model.select().where(model.tenant_id == tenant_id).order_by(model.seen_at.desc()))


def _memory(tenant_id: str) -> Memory | None:
    row = next(iter(_rows(tenant_id)), None)
    return None if row is None else Memory(row.origin, row.size, row.checkpoint, tuple(row.vkeys))
