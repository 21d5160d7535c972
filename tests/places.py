"""Installations with settings and a data directory of their own, which can be backed up and put back."""

from __future__ import annotations

import copy
import importlib
import multiprocessing
import os
import resource
import shutil
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import NoReturn

from flow import Sender, customer, drain, seeing

from dxflow.config.settings import Settings
from dxflow.engine import wiring
from dxflow.engine.backups import restoring, taking
from dxflow.engine.backups.faults import BackupFault
from dxflow.engine.backups.restoring import Restored, Wish
from dxflow.engine.backups.taking import Made
from dxflow.engine.core import Core
from dxflow.engine.edge import Edge
from dxflow.engine.inbox import Inbox
from dxflow.engine.services import tenants
from dxflow.engine.services.audit import covering
from dxflow.engine.services.connectors import connectors


@dataclass
class Place:
    """An installation: a data directory and a database; nothing of it is open when a method returns."""

    directory: Path
    database_url: str | None
    senders: list[Sender] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        given = {"data_dir": str(self.directory), "public_url": "https://shop.example"}
        return Settings.load(**given, database_url=self.database_url)

    @property
    def bare(self) -> Place:
        """What another process needs to know."""
        return Place(self.directory, self.database_url)

    def core(self) -> Core:
        return wiring.core_for(self.settings)

    def shop(self, name: str = "Acme Shop") -> Sender:
        """A tenant with a shop that sends deliveries."""
        core = self.core()
        sender = Sender(core, tenants.create(core, name, "DE").controller.id)
        self.senders.append(sender)
        return sender

    def sender(self, number: int = 0) -> Sender:
        """A shop that was made here, or in the place that this one was restored from."""
        found = copy.copy(self.senders[number])
        found.core = self.core()
        found.edge = Edge(found.core, Inbox(found.core), connectors.Endpoints(found.core))
        return found

    def customers(self, first: int, last: int, mark: str = "") -> None:
        """Deliveries about these people, worked to their end; then everything is covered."""
        sender = self.sender()
        for number in range(first, last):
            sender.send("customers/create", customer(number), f"delivery-{number}{mark}")
        drain(sender.core)
        covering.cover(sender.core)

    def backup(self, to: Path, keys_to: Path | None = None) -> Made:
        made = taking.take(self.core(), to, keys_to)
        self.leave()
        return made

    def restore(
        self, made: Made, *, keys: Made | bool = True, force: bool = False, published: Sequence[Path] = ()
    ) -> Restored:
        """Put the data part back, with the keys part of the same backup or of another."""
        self.leave()
        part = made if keys is True else keys
        wish = Wish(Path(made.data), [Path(part.keys)] if part else [], force, published)
        return restoring.restore(self.settings, wish)

    def leave(self) -> None:
        """As when the process ends."""
        for core in wiring._cores.values():
            core.store.close()
        wiring.forget()

    def take(self, to: Path) -> Made:
        """A backup while everything goes on."""
        return taking.take(self.core(), to)

    def forget_logs(self) -> None:
        """As on another machine: nothing is remembered of the logs."""
        self.leave()
        shutil.rmtree(self.directory / "log-memory", ignore_errors=True)

    @contextmanager
    def another_process(self) -> Iterator[None]:
        """A process that has the database open, as ``web`` and ``worker`` have."""
        self.leave()
        held, done = _spawn.Event(), _spawn.Event()
        process = _spawn.Process(target=_hold, args=(self.bare, held, done))
        process.start()
        try:
            assert held.wait(30)
            yield
        finally:
            done.set()
            process.join(30)

    def backup_with_little_room(self, to: Path) -> str:
        """A backup in a process whose files can't grow beyond 20 KB; what it says."""
        said = _spawn.Queue()
        process = _spawn.Process(target=_back_up_in_little_room, args=(self.bare, to, said))
        process.start()
        try:
            return str(said.get(timeout=60))
        finally:
            process.join(30)

    def restore_and_die(self, made: Made, where: str) -> None:
        """A restore that is killed with SIGKILL when it calls ``where`` of ``dxflow.engine.backups``."""
        self.leave()
        process = _spawn.Process(target=_restore_and_die, args=(self.bare, made, where))
        process.start()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL


_spawn = multiprocessing.get_context("spawn")


@seeing
def _hold(place: Place, held: Event, done: Event) -> None:
    place.core().store.ping()
    held.set()
    done.wait(60)


@seeing
def _back_up_in_little_room(place: Place, to: Path, said: Queue[str]) -> None:
    place.core()
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    try:
        place.take(to)
        said.put("nothing")
    except BackupFault as fault:
        said.put(str(fault))


@seeing
def _restore_and_die(place: Place, made: Made, where: str) -> None:
    def die(*_: object, **__: object) -> NoReturn:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("unreachable")

    module, _, name = where.rpartition(".")
    setattr(importlib.import_module(f"dxflow.engine.backups.{module}"), name, die)
    place.restore(made, force=True)
