"""A real dx-agent in a process of its own, engines that register with it, and one between them that lies."""

from __future__ import annotations

import json
import select
import socket
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import urllib3
from server import Server
from serving import served
from wire import HOST

from dxflow.engine import core as cores
from dxflow.engine.agent import Item, Receipt
from dxflow.engine.core import Core, Elsewhere
from dxflow.engine.ledger import note, proofs
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import Store, models


class Agent(Server):
    """``run.py agent`` on a data directory."""

    def __init__(self, data_dir: Path, **settings: object) -> None:
        super().__init__(data_dir, "agent", **settings)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def file(self) -> Path:
        return self.data_dir / "agent.db"

    def registered(self, tenant: NewTenant) -> list[dict[str, Any]]:
        """What the leaves of a tenant's log say, read from the agent's own database."""
        query = (
            "SELECT leaf FROM audit_entries JOIN agent_tenants ON id = tenant_id "
            "WHERE did = ? AND kind = 'activity.registered' ORDER BY seq"
        )
        with closing(sqlite3.connect(self.file, timeout=20)) as connection:
            return [json.loads(row[0]) for row in connection.execute(query, (tenant.controller.did,))]


def engine(store: Store, url: str, token: str | None = None, host: str = "engine.example") -> Core:
    """An engine on this store that registers with the agent at ``url``; its clock is the machine's."""
    return cores.build(store, b"k" * 32, host=host, spread=lambda: 1.0, agent=Elsewhere(url, token))


def items(count: int) -> list[Item]:
    """Activities that nobody has registered yet, with different commitments."""
    return [Item(str(uuid.uuid4()), str(uuid.uuid4()), uuid.uuid4().hex * 2) for _ in range(count)]


def register(core: Core, tenant: NewTenant, batch: list[Item]) -> list[Receipt]:
    """One call with the newest fence, as the holder of the tenant's lock makes it."""
    return core.agent.register(tenant.controller.id, batch, core.log.fence(tenant.controller.id))


def proved_leaf(receipt: Receipt) -> dict[str, Any]:
    """What the leaf of a receipt says, once the proof that the engine kept is verified."""
    row = models.Registration.get(models.Registration.activity_id == receipt.activity_id)
    known = models.AgentCheckpoint.get(models.AgentCheckpoint.origin == receipt.origin)
    proof = proofs.parse(row.proof)
    checkpoint = proof.verify([note.Verifier.from_vkey(vkey) for vkey in known.vkeys])
    assert (checkpoint.origin, proof.index) == (receipt.origin, receipt.log_index)
    found: dict[str, Any] = json.loads(proof.leaf)
    return found


Change = Callable[[dict[str, Any]], object]


@dataclass
class Between:
    """Stands between engine and agent, hands on every request, and does to the answers what ``lie`` says.

    ``lie`` changes an answer to a batch in place; or it returns ``(status, headers, body)`` to be sent
    instead. ``prefix`` is taken off the paths; ``told`` are the agent's own answers.
    """

    agent_url: str
    lie: Callable[[dict[str, Any]], object] | None = None
    prefix: str = ""
    told: list[dict[str, Any]] = field(default_factory=list)
    _pool: urllib3.PoolManager = field(default_factory=urllib3.PoolManager)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        status, headers, body = self._answer(environ)
        start_response(f"{status} Said", [*headers.items(), ("Content-Length", str(len(body)))])
        return [body]

    def _answer(self, environ: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        path, method = environ["PATH_INFO"].removeprefix(self.prefix), environ["REQUEST_METHOD"]
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        names = ("CONTENT_DIGEST", "SIGNATURE", "SIGNATURE_INPUT")
        headers = {
            name.replace("_", "-"): environ[f"HTTP_{name}"] for name in names if f"HTTP_{name}" in environ
        }
        reply = self._pool.request(method, self.agent_url + path, body=body or None, headers=headers)
        if path != "/v1/registrations" or reply.status != 200:
            return reply.status, {"Content-Type": reply.headers.get("Content-Type", "")}, reply.data
        answer = json.loads(reply.data)
        self.told.append(json.loads(reply.data))
        instead = self.lie(answer) if self.lie else None
        if isinstance(instead, tuple):
            return instead
        return 200, {"Content-Type": "application/json"}, json.dumps(answer).encode()


@contextmanager
def cut_off(agent: Agent) -> Iterator[str]:
    """The address of one that hands requests on to the agent and ends the connection with the first byte of an
    answer: the agent has done its work, and nobody hears of it."""

    def hand_on(connection: socket.socket) -> None:
        with connection, socket.create_connection((HOST, agent.port)) as onwards:
            while not select.select([onwards], [], [], 0)[0]:
                if select.select([connection], [], [], 0.01)[0]:
                    data = connection.recv(65_536)
                    if not data:
                        return
                    onwards.sendall(data)

    def accept() -> None:
        with suppress(OSError):
            while True:
                hand_on(listener.accept()[0])

    listener = socket.create_server((HOST, 0))
    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield f"http://{HOST}:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@contextmanager
def between(agent_url: str) -> Iterator[tuple[Between, str]]:
    """One that stands between, honest until told to lie; and its address."""
    middle = Between(agent_url)
    with served(middle) as url:
        yield middle, url
