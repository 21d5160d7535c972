"""CSV files of rights requests: what is read, what is refused, and that nothing comes in twice."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from flow import HandClock, at_once, leaves

from dxflow.engine.core import Core
from dxflow.engine.errors import Malformed, TooLarge, Unfit
from dxflow.engine.rights import csv_import, intake
from dxflow.engine.rights.csv_import import MOST_BYTES, MOST_ROWS, Row, decode
from dxflow.engine.services.rights import imports, requests
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def parse(text: str) -> list[Row]:
    return csv_import.parse(text, now=NOW, zone=BERLIN)


def faults(text: str) -> list[tuple[int, str]]:
    return [(row.number, fault.field) for row in parse(text) for fault in row.faults]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_usual_kind_of_file_is_read(mark: str, start: str, end: str) -> None:
    header = mark.join(("Type", "E-Mail Address", "Full Name", "COUNTRY", "Date received", "Message"))
    line = mark.join(
        ("Deletion", "ada@person.example", '"Byron, ""Ada"""', "DE-BY", "2026-11-03", f'"a{mark}b"')
    )
    (row,) = parse(start + header + end + line + end)
    assert row.faults == []
    assert (row.number, row.type, row.jurisdiction, row.details) == (2, "erasure", "DE-BY", f"a{mark}b")
    assert (row.person.email, row.person.name) == ("ada@person.example", 'Byron, "Ada"')
    assert row.received_at == datetime(2026, 11, 3, 12, 0, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-03T10:00:00Z", datetime(2026, 11, 3, 10, 0, tzinfo=UTC)),
        ("2026-11-03 10:00:00+05:30", datetime(2026, 11, 3, 4, 30, tzinfo=UTC)),
        ("2026-11-03 10:00", datetime(2026, 11, 3, 9, 0, tzinfo=UTC)),
        ("2026-07-03T10:00", datetime(2026, 7, 3, 8, 0, tzinfo=UTC)),
        ("2026-11-03", datetime(2026, 11, 3, 11, 0, tzinfo=UTC)),
        ("2026-11-20", NOW),
    ],
)
def test_times_are_read_in_the_desks_zone_unless_they_bring_one(text: str, moment: datetime) -> None:
    (row,) = parse(f"type,email,received\naccess,a@b.example,{text}\n")
    assert row.received_at == moment


@pytest.mark.parametrize(
    "text",
    [
        "03.11.2026",
        "11/03/2026",
        "2026-11-21",
        "2026-11-20T23:00",
        "2026-02-30",
        "45999",
        "now",
        "2026-11-03T25:00",
    ],
)
def test_a_day_that_could_be_read_in_two_ways_or_is_to_come_is_refused(text: str) -> None:
    assert faults(f"type,email,received\naccess,a@b.example,{text}\n") == [(2, "received_at")]


def test_a_time_before_all_times_is_refused() -> None:
    text = "type,email,received\naccess,a@b.example,0001-01-01T00:00:00+14:00\n"
    assert faults(text) == [(2, "received_at")]
    juneau = ZoneInfo("America/Juneau")  # fifteen hours ahead of Greenwich until 1867
    (row,) = csv_import.parse("type,email,received\naccess,a@b.example,0001-01-01\n", now=NOW, zone=juneau)
    assert [fault.field for fault in row.faults] == ["received_at"]


def test_each_row_says_all_that_is_wrong_with_it_and_spoils_no_other() -> None:
    text = (
        "type,email,phone,name,jurisdiction,language,received\n"
        "access,a@b.example,,,,,\n"
        "nonsense,no address,abc,,XX,xx,soon\n"
        "access,,,,,,\n"
        ",,,,,,\n"
        "\n"
        "erasure,,+49 30 123456,,uk,DE,\n"
        "access,a@b.example,,,,,,too,many\n"
    )
    assert faults(text) == [
        (3, "type"), (3, "email"), (3, "phone"), (3, "language"), (3, "jurisdiction"), (3, "received_at"),
        (4, "email"), (8, "row"),
    ]  # fmt: skip
    right = [row for row in parse(text) if not row.faults]
    assert [(row.number, row.language) for row in right] == [(2, "en"), (7, "de")]


def test_what_is_wrong_is_never_quoted() -> None:
    for row in parse("type,email,phone\ncanary,canary@,canary\n"):
        assert "canary" not in str([fault.detail for fault in row.faults])


def test_a_cell_that_looks_like_a_formula_is_data_and_stays_data() -> None:
    (row,) = parse("type,email,details,name\naccess,a@b.example,\"=cmd|' /C calc'!A0\",@SUM(A1)\n")
    assert (row.details, row.person.name) == ("=cmd|' /C calc'!A0", "@SUM(A1)")


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("", Unfit, "there is none"),
        ("\n\n", Unfit, "there is none"),
        ("email\na@b.example\n", Unfit, "lacks the column type"),
        ("type,email,shoe size\n", Unfit, "unknown: 'shoe size'; allowed are type, email"),
        ("type,email,E-Mail\n", Unfit, "there twice: email"),
        ("type|email\naccess|a@b.example\n", Unfit, "unknown"),
        ('type,email\naccess,"a@b.example\n', Unfit, "row 2"),
        ('type,email\naccess,"a"@b.example\n', Unfit, "row 2"),
        ("type,email\naccess,a\0@b.example\n", Unfit, "NUL"),
        ("type,email\n" + "access,a@b.example\n" * (MOST_ROWS + 1), TooLarge, "split the file"),
        ("type,email\n" + "x" * MOST_BYTES, TooLarge, "bytes are allowed"),
        ("type,email\naccess," + "x" * 200_000, Unfit, "field larger"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_as_a_whole(
    text: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        parse(text)


def test_a_file_in_another_charset_is_refused() -> None:
    with pytest.raises(Malformed, match="not UTF-8"):
        decode("type,name\naccess,Jörg\n".encode("latin-1"))
    with pytest.raises(Unfit, match="UTF-16"):
        parse(decode("type,name\n".encode("utf-16-le")))
    with pytest.raises(TooLarge):
        decode(b"x" * (MOST_BYTES + 1))
    assert decode("\ufefftype".encode()) == "\ufefftype"


FILE = (
    "type,email,name,country,received,details,reference\n"
    "access,ada@person.example,Ada,DE,2099-02-27,all of it,T-1\n"
    "delete,bob@person.example,Bob,GB,,,\n"
    "nonsense,eve@person.example,Eve,DE,,,\n"
)


def test_a_file_is_recorded_row_by_row_and_a_second_time_not_at_all(core: Core, tenant: NewTenant) -> None:
    tenant_id = tenant.controller.id
    tried = imports.from_csv(core, tenant_id, "key:1", FILE, dry_run=True)
    assert [(one.row, one.ok, one.id, one.repeated) for one in tried] == [
        (2, True, None, False), (3, True, None, False), (4, False, None, False),
    ]  # fmt: skip
    assert models.RightsRequest.select().count() == 0
    first = imports.from_csv(core, tenant_id, "key:1", FILE)
    assert imports.counts(first) == {"recorded": 2, "repeated": 0, "wrong": 1}
    again = imports.from_csv(core, tenant_id, "key:1", FILE)
    assert imports.counts(again) == {"recorded": 0, "repeated": 2, "wrong": 1}
    assert [one.id for one in again] == [one.id for one in first]
    assert [one.repeated for one in imports.from_csv(core, tenant_id, "key:1", FILE, dry_run=True)] == [
        True,
        True,
        False,
    ]
    ada, bob = models.RightsRequest.select().order_by(models.RightsRequest.created_at)
    assert (ada.type, ada.source, ada.jurisdiction, ada.received_at.date().isoformat()) == (
        "access",
        "csv",
        "DE",
        "2099-02-27",
    )
    assert (bob.type, bob.regime) == ("erasure", "uk_gdpr")
    assert intake.requester(core, ada) == {"email": "ada@person.example", "name": "Ada"}
    assert requests.details_of(core, ada) == "all of it"
    assert len(leaves(tenant_id, "rights_request.created")) == 2
    assert "T-1" not in str(ada.__data__)


def test_the_same_file_by_two_at_once_is_recorded_once(core: Core, tenant: NewTenant) -> None:
    found = at_once(core, [lambda: imports.from_csv(core, tenant.controller.id, "key:1", FILE)] * 3)
    assert all(isinstance(one, list) for one in found), found
    assert models.RightsRequest.select().count() == 2
    assert len({str([row.id for row in one]) for one in found if isinstance(one, list)}) == 1


@SQLITE
def test_rows_that_are_equal_are_one_and_a_reference_tells_them_apart(core: Core, tenant: NewTenant) -> None:
    same = "access,ada@person.example\n"
    found = imports.from_csv(core, tenant.controller.id, "key:1", "type,email\n" + same * 2)
    assert [one.repeated for one in found] == [False, True]
    with_reference = "type,email,id\n" + "access,ada@person.example,1\naccess,ada@person.example,2\n"
    found = imports.from_csv(core, tenant.controller.id, "key:1", with_reference)
    assert [one.repeated for one in found] == [False, False]


@SQLITE
def test_a_file_is_known_again_after_the_tenants_key_was_rotated(
    core: Core, tenant: NewTenant, clock: HandClock
) -> None:
    first = imports.from_csv(core, tenant.controller.id, "key:1", FILE)
    core.keys.store(tenant.controller.id, "link", 2, b"n" * 32)
    clock.forward(7200)
    core.keys.refresh()
    assert imports.from_csv(core, tenant.controller.id, "key:1", FILE)[0].id == first[0].id


@SQLITE
def test_a_year_that_no_clock_knows_is_one_rows_fault(core: Core, tenant: NewTenant) -> None:
    text = "type,email,received\naccess,a@b.example,0900-01-01\naccess,c@d.example,2099-01-01\n"
    found = imports.from_csv(core, tenant.controller.id, "key:1", text)
    assert [(one.ok, [fault.field for fault in one.errors]) for one in found] == [
        (False, ["received_at"]),
        (True, []),
    ]
