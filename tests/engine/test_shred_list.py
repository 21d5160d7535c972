"""The list of who was erased: on the disk before the erasure, whole after every crash."""

from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dxflow.engine.shred_list import Shredded, ShredList, parse, render

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
ACME = "919108f7-52d1-4320-9bac-f847db4148a8"


def person(number: int) -> str:
    return str(uuid.UUID(int=number, version=4))


@pytest.fixture
def shred_list(tmp_path: Path) -> ShredList:
    return ShredList(tmp_path / "data" / "shred-list")


def test_a_list_that_is_not_there_is_empty(shred_list: ShredList) -> None:
    assert shred_list.entries() == []
    assert not shred_list.path.exists()


def test_everybody_stands_on_it_once_in_order_and_for_the_owner_alone(shred_list: ShredList) -> None:
    for number in (1, 2, 1):
        shred_list.add(ACME, person(number), AT + timedelta(seconds=number))
    expected = [Shredded(ACME, person(number), AT + timedelta(seconds=number)) for number in (1, 2)]
    assert shred_list.entries() == expected
    assert shred_list.path.read_text() == render(expected)
    assert shred_list.path.read_text().splitlines()[0] == f"2026-03-01T09:30:01.000Z {ACME} {person(1)}"
    assert shred_list.path.stat().st_mode & 0o777 == 0o600


def test_a_torn_last_line_is_no_entry_and_spoils_none(shred_list: ShredList) -> None:
    shred_list.add(ACME, person(1), AT)
    whole = shred_list.path.read_bytes()
    line = render([Shredded(ACME, person(2), AT)]).encode()
    for cut in range(len(line) - 1):
        shred_list.path.write_bytes(whole + line[:cut])
        assert [entry.subject_id for entry in shred_list.entries()] == [person(1)]
        shred_list.add(ACME, person(3), AT)
        assert [entry.subject_id for entry in shred_list.entries()] == [person(1), person(3)]


def test_a_last_line_that_only_lacks_its_end_counts(shred_list: ShredList) -> None:
    shred_list.add(ACME, person(1), AT)
    shred_list.path.write_bytes(shred_list.path.read_bytes().rstrip(b"\n"))
    shred_list.add(ACME, person(2), AT)
    assert [entry.subject_id for entry in shred_list.entries()] == [person(1), person(2)]


def test_two_lists_become_one(shred_list: ShredList, tmp_path: Path) -> None:
    other = ShredList(tmp_path / "other")
    shred_list.add(ACME, person(1), AT)
    other.merge([Shredded(ACME, person(number), AT) for number in (1, 2, 2)])
    assert shred_list.merge(other.entries()) == 1
    assert shred_list.merge(other.entries()) == 0
    assert [entry.subject_id for entry in shred_list.entries()] == [person(1), person(2)]


def test_any_number_of_threads_may_add_to_it(shred_list: ShredList) -> None:
    def add(first: int) -> None:
        for number in range(first, first + 20):
            shred_list.add(ACME, person(number), AT)

    threads = [threading.Thread(target=add, args=(start,)) for start in (0, 10, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(entry.subject_id for entry in shred_list.entries()) == sorted(map(person, range(40)))
    assert len(shred_list.path.read_text().splitlines()) == 40


@pytest.mark.parametrize("line", ["", "x y z", f"yesterday {ACME} {person(1)}", f"{ACME} {person(1)}"])
def test_what_is_no_line_is_passed_over(line: str) -> None:
    good = render([Shredded(ACME, person(5), AT)])
    assert parse(f"{line}\n{good}") == [Shredded(ACME, person(5), AT)]
