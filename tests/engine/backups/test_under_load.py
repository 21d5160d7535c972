"""A backup of a running installation is the database at one moment, whatever is written meanwhile."""

from __future__ import annotations

import json
import threading
import zipfile
from pathlib import Path

from flow import customer, drain, seeing
from places import Place

from dxflow.engine.ledger.log import INSTALLATION
from dxflow.engine.services.audit import covering, verifying
from dxflow.engine.store import models
from dxflow.engine.store.migrations import MIGRATIONS
from waiting import wait_until


class Writers:
    """Threads that take deliveries in, one of which works on them too, until they are stopped."""

    def __init__(self, place: Place) -> None:
        self._place, self._stopping, self.done = place, threading.Event(), 0
        self.faults: list[BaseException] = []
        self._threads = [threading.Thread(target=seeing(self._write), args=(number,)) for number in range(2)]

    def __enter__(self) -> Writers:
        for thread in self._threads:
            thread.start()
        wait_until(lambda: self.done > 4 or self.faults, what="writers at work")
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)
        assert not self.faults

    def _write(self, mark: int) -> None:
        sender = self._place.sender()
        try:
            number = 1000 * (mark + 1)
            while not self._stopping.is_set():
                number += 1
                sender.send("customers/create", customer(number), f"load-{number}")
                if mark == 0:  # nobody else registers: there is no lock here
                    drain(sender.core)
                    covering.cover(sender.core)
                self.done += 1
        except BaseException as error:  # noqa: BLE001 - handed to the test
            self.faults.append(error)
        finally:
            sender.core.store.close()


def test_backups_under_load_are_whole_and_nobody_waits_for_them(
    place: Place, elsewhere: Place, tmp_path: Path
) -> None:
    with Writers(place) as writers:
        first = place.take(tmp_path / "first")
        reached = writers.done
        wait_until(lambda: writers.done > reached + 2 or writers.faults, what="more work")
        second = place.take(tmp_path / "second")
    total = place.core().log.head(place.senders[0].tenant_id).size
    place.leave()
    sizes = []
    for made in (first, second):
        elsewhere.restore(made, force=True)
        core = elsewhere.core()
        assert verifying.verify_logs(core, fresh=True).ok
        for head in models.AuditHead.select():
            entries = models.AuditEntry.select().where(models.AuditEntry.tenant_id == head.tenant_id)
            assert entries.count() == head.size
        dids = models.Registration.select().count()
        registered = models.AuditEntry.kind == "activity.registered"
        assert models.AuditEntry.select().where(registered).count() == dids
        sizes.append(core.log.head(place.senders[0].tenant_id).size)
        elsewhere.forget_logs()
    assert sizes[0] < sizes[1] <= total


def test_the_manifest_says_what_the_logs_were(place: Place, tmp_path: Path) -> None:
    core = place.core()
    heads = {head.tenant_id: (head.origin, head.size, head.root) for head in models.AuditHead.select()}
    made = place.backup(tmp_path)
    with zipfile.ZipFile(made.data) as data:
        lines = [json.loads(line) for line in data.read("logs.jsonl").splitlines()]
        manifest = json.loads(data.read("manifest.json"))
    assert {one["id"]: (one["origin"], one["size"], one["root"]) for one in lines} == heads
    assert INSTALLATION in heads
    assert (manifest["dialect"], manifest["schema"]) == (core.store.dialect, MIGRATIONS[-1].number)
    assert set(manifest["members"]) == set(zipfile.ZipFile(made.data).namelist()) - {"manifest.json"}
