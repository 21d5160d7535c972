"""What happened after a backup was made isn't undone by putting it back: people who were erased stay forgotten,
and logs that were published don't get a second history."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from flow import leaves
from places import Place

from dxflow.engine.backups.faults import BackupFault
from dxflow.engine.backups.listing import list_erased
from dxflow.engine.erasing import erasure
from dxflow.engine.ledger.log import INSTALLATION
from dxflow.engine.services import acts
from dxflow.engine.services.audit import covering, verifying
from dxflow.engine.shred_list import ShredList
from dxflow.engine.store import models


def test_who_was_erased_after_the_backup_is_erased_again(
    place: Place, elsewhere: Place, tmp_path: Path
) -> None:
    older = place.backup(tmp_path / "older")
    core, tenant_id = place.core(), place.senders[0].tenant_id
    person = models.DataSubject.select().order_by(models.DataSubject.id).first()
    erasure.erase(core, tenant_id, person.id, acts.SYSTEM, reason="request")
    assert [entry.subject_id for entry in core.shred_list.entries()] == [person.id]
    newer = place.backup(tmp_path / "newer")

    found = elsewhere.restore(older, keys=newer)

    assert found.settled.erased_again == 1
    again = elsewhere.core()
    assert models.DataSubject.get_by_id(person.id).state == "erased"
    assert models.DataSubjectLink.select().where(models.DataSubjectLink.subject_id == person.id).count() == 0
    assert models.DataSubject.select().where(models.DataSubject.state == "erased").count() == 1
    assert [entry.subject_id for entry in again.shred_list.entries()] == [person.id]
    assert leaves(tenant_id, "data_subject.erased")[-1]["reason"] == "restored_backup"
    elsewhere.forget_logs()
    assert verifying.verify_logs(elsewhere.core()).ok


def test_the_shred_list_of_the_data_directory_counts_too(place: Place, tmp_path: Path) -> None:
    older = place.backup(tmp_path / "older")
    core = place.core()
    person = models.DataSubject.select().first()
    erasure.erase(core, place.senders[0].tenant_id, person.id, acts.SYSTEM, reason="request")
    assert place.restore(older, force=True).settled.erased_again == 1
    place.core()
    assert models.DataSubject.get_by_id(person.id).state == "erased"


def test_a_restore_says_in_the_log_which_backup_it_was(
    place: Place, elsewhere: Place, tmp_path: Path
) -> None:
    made = place.backup(tmp_path)
    found = elsewhere.restore(made)
    elsewhere.core()
    (told,) = leaves(INSTALLATION, "installation.restored")
    assert told["made_at"] == found.made_at
    assert len(str(told["backup"])) == 64


def test_a_log_that_was_published_further_goes_on_under_another_origin(place: Place, tmp_path: Path) -> None:
    older = place.backup(tmp_path)
    core, tenant_id = place.core(), place.senders[0].tenant_id
    restored = core.log.head(tenant_id)
    place.customers(10, 13)
    published = place.core().log.head(tenant_id)
    assert place.core().memory.recall(tenant_id) == published.checkpoint

    found = place.restore(older, force=True)

    told = {one["log"]: one for one in found.settled.epochs}
    assert set(told) == {published.origin, place.core().log.host + "/log"}
    one = told[published.origin]
    assert (one["missing"], one["first_missing"]) == (published.size - restored.size, restored.size)
    assert one["verified"]
    head = place.core().log.head(tenant_id)
    assert head.origin == one["goes_on_as"] != published.origin
    place.customers(20, 22)
    assert verifying.verify_logs(place.core(), fresh=True).ok


def test_the_same_backup_twice_never_gives_two_histories_of_one_origin(place: Place, tmp_path: Path) -> None:
    older = place.backup(tmp_path)
    tenant_id = place.senders[0].tenant_id
    seen: dict[tuple[str, int], str] = {}
    for number in range(3):
        place.customers(10 * number + 10, 10 * number + 12)
        for head in models.AuditHead.select():
            assert seen.setdefault((head.origin, head.size), head.root) == head.root
        place.restore(older, force=True)
    origins = {origin for origin, _ in seen if tenant_id or origin}
    assert len(origins) == 2 * 3
    covering.cover(place.core())
    assert verifying.verify_logs(place.core(), fresh=True).ok


def test_a_log_without_newer_checkpoints_keeps_its_origin(
    place: Place, elsewhere: Place, tmp_path: Path
) -> None:
    made = place.backup(tmp_path)
    origins = {head.origin for head in models.AuditHead.select()} if place.core() else set()
    found = elsewhere.restore(made)
    elsewhere.core()
    assert found.settled.epochs == []
    assert {head.origin for head in models.AuditHead.select()} == origins


def test_a_tenant_who_is_younger_than_the_backup_is_told(place: Place, tmp_path: Path) -> None:
    made = place.backup(tmp_path)
    place.shop("Later Shop")
    place.senders.reverse()
    place.customers(1, 2)
    origin = place.core().log.head(place.senders[0].tenant_id).origin
    assert place.restore(made, force=True).settled.gone == [origin]


def test_whom_another_machine_erased_comes_onto_this_ones_list(place: Place) -> None:
    core = place.core()
    for person in list(models.DataSubject.select().limit(2)):
        erasure.erase(core, place.senders[0].tenant_id, person.id, acts.SYSTEM, reason="request")
    here = replace(core, shred_list=ShredList(place.directory / "of-another-machine"))
    looked = list_erased(here, None)
    erased = {entry[:2] for entry in core.shred_list.entries()}
    assert {entry[:2] for entry in here.shred_list.entries()} == erased
    assert len(erased) == 2
    list_erased(here, looked)
    assert len(here.shred_list.entries()) == 2


def test_a_checkpoint_that_an_outsider_kept_tells_what_nothing_here_knows(
    place: Place, elsewhere: Place, tmp_path: Path
) -> None:
    older = place.backup(tmp_path)
    place.customers(10, 13)
    published = place.core().log.head(place.senders[0].tenant_id)
    kept = tmp_path / "kept.checkpoint"
    kept.write_text(published.checkpoint)
    foreign = tmp_path / "foreign.checkpoint"
    foreign.write_text(published.checkpoint.replace(published.origin, "elsewhere.example/log/x"))

    found = elsewhere.restore(older, published=[kept, foreign])

    assert [one["log"] for one in found.settled.epochs] == [published.origin]
    assert found.settled.gone == ["elsewhere.example/log/x"]
    assert elsewhere.core().log.head(place.senders[0].tenant_id).origin == f"{published.origin}/epoch/2"
    assert verifying.verify_logs(elsewhere.core(), fresh=True).ok


def test_a_checkpoint_that_still_holds_changes_nothing(
    place: Place, elsewhere: Place, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.checkpoint"
    kept.write_text(place.core().log.head(place.senders[0].tenant_id).checkpoint)
    older = place.backup(tmp_path)
    assert elsewhere.restore(older, published=[kept]).settled.epochs == []


def test_a_file_that_holds_no_checkpoint_is_refused_before_anything_is_touched(
    place: Place, elsewhere: Place, tmp_path: Path
) -> None:
    older = place.backup(tmp_path)
    wrong = tmp_path / "wrong"
    wrong.write_bytes(b"\xff\x00 no checkpoint")
    for path, told in ((wrong, "holds no checkpoint"), (tmp_path / "nothing", "can't be read")):
        with pytest.raises(BackupFault, match=told):
            elsewhere.restore(older, published=[path])
    assert elsewhere.restore(older).logs == 2
