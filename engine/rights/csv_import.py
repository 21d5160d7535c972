"""Rights requests from a spreadsheet: a CSV file (RFC 4180) read row by row, strictly and without side effects.

Commas, semicolons and tabs are told apart by which of them splits the header into names that are known. A cell
is data, whatever a spreadsheet would make of it: nothing is computed, and nothing is rewritten.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from ..errors import Invalid, Malformed, TooLarge, Unfit
from ..identity import normalise
from ..platforms.base import Person
from .languages import LANGUAGES
from .types import RequestType, regime_for

MOST_ROWS = 2_000
MOST_BYTES = 1024 * 1024
LONGEST_LINE, LONGEST_TEXT = 200, 10_000
"""Characters of a cell: of most columns, and of ``details``."""
NOON = time(12)

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "type": ("request_type", "right"),
    "email": ("e_mail", "mail", "email_address", "e_mail_address"),
    "phone": ("telephone", "tel", "phone_number", "mobile"),
    "name": ("full_name",),
    "jurisdiction": ("country", "region"),
    "received_at": ("received", "received_on", "date", "date_received"),
    "details": ("message", "comment", "description", "notes", "text"),
    "reference": ("id", "case", "ticket", "number"),
    "language": ("lang", "locale"),
}
"""Every column with the other names it may have; case, blanks and hyphens don't matter."""
_NAMES = {alias: column for column, aliases in COLUMNS.items() for alias in (column, *aliases)}

WORDS: Mapping[str, RequestType] = {
    "know": RequestType.ACCESS,
    "right_to_know": RequestType.ACCESS,
    "subject_access": RequestType.ACCESS,
    "dsar": RequestType.ACCESS,
    "delete": RequestType.ERASURE,
    "deletion": RequestType.ERASURE,
    "erase": RequestType.ERASURE,
    "correct": RequestType.RECTIFICATION,
    "correction": RequestType.RECTIFICATION,
    "export": RequestType.PORTABILITY,
    "object": RequestType.OBJECTION,
    "restrict": RequestType.RESTRICTION,
    "opt_out": RequestType.SALE_OPT_OUT,
    "do_not_sell": RequestType.SALE_OPT_OUT,
    "unsubscribe": RequestType.CONSENT_WITHDRAWAL,
}
"""Other words for types of request."""

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?([Zz]|[+-]\d\d:?\d\d)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one cell, in words that don't quote it."""

    field: str
    detail: str

    def as_json(self) -> dict[str, str]:
        """``{"field", "detail"}``."""
        return {"field": self.field, "detail": self.detail}


@dataclass(slots=True)
class Row:
    """One row, numbered as a spreadsheet does (the header is 1). With ``faults`` the rest means nothing."""

    number: int
    type: str = ""
    person: Person = field(default_factory=Person)
    jurisdiction: str | None = None
    received_at: datetime | None = None
    details: str = ""
    reference: str = ""
    language: str = "en"
    faults: list[Fault] = field(default_factory=list)


def decode(raw: bytes) -> str:
    """The text of a file. Raises TooLarge, Malformed unless it is UTF-8 (with a byte order mark or without)."""
    if len(raw) > MOST_BYTES:
        raise TooLarge(f"the file has {len(raw)} bytes; {MOST_BYTES} are allowed")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"the file is not UTF-8 (byte {error.start + 1}); save it as CSV UTF-8") from None


def parse(text: str, *, now: datetime, zone: ZoneInfo) -> list[Row]:
    """Every row that isn't empty. Dates and times without an offset are read in ``zone``; a plain day is its
    noon there, or ``now`` if that is still to come.

    Raises Unfit("csv") for a file that can't be read as a whole, TooLarge.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise TooLarge(f"at most {MOST_BYTES} bytes are allowed")
    if "\0" in text:
        raise Unfit("csv", "holds NUL, which no text does; is it UTF-16? Save it as CSV UTF-8")
    header, records = _split(text.removeprefix("\ufeff"))
    reader, rows = _Reader(header, now, zone), []
    for number, cells in records:
        if any(cell.strip() for cell in cells):
            rows.append(reader.row(number, cells))
        if len(rows) > MOST_ROWS:
            raise TooLarge(f"at most {MOST_ROWS} rows are allowed; split the file")
    return rows


def typed(given: Mapping[str, str], *, now: datetime, zone: ZoneInfo) -> Row:
    """One request as somebody typed it into a form with these columns, read and checked as a row is."""
    plain = {name: text.replace("\r\n", "\n") for name, text in given.items()}
    row = _Reader(tuple(plain), now, zone).row(1, tuple(plain.values()))
    if any("\0" in text for text in plain.values()):
        row.faults.append(Fault("details", "must not contain NUL"))
    return row


def _split(text: str) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """The columns by name, and the records with their numbers."""
    best = max(",;\t", key=lambda mark: _known_names(text, mark))
    records = _records(text, best)
    _, header = next(records, (1, []))
    names = [_spelled(cell) for cell in header]
    while names and not names[-1]:
        names.pop()  # a spreadsheet's empty columns
    unknown = [cell.strip()[:40] for cell, name in zip(header, names, strict=False) if name not in _NAMES]
    if unknown or not names:
        what = f"unknown: {', '.join(map(repr, unknown))}" if unknown else "there is none"
        raise Unfit("csv", f"the header's columns: {what}; allowed are {', '.join(COLUMNS)}")
    columns = [_NAMES[name] for name in names]
    if twice := sorted({column for column in columns if columns.count(column) > 1}):
        raise Unfit("csv", f"the header's columns: there twice: {', '.join(twice)}")
    if "type" not in columns:
        raise Unfit("csv", "the header lacks the column type")
    return columns, records


def _records(text: str, mark: str) -> Iterator[tuple[int, list[str]]]:
    """All records with their numbers. Raises Unfit at the first that can't be read."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    number = 0
    while True:
        number += 1
        try:
            yield number, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise Unfit("csv", f"row {number} (line {reader.line_num}) can't be read: {error}") from None


def _known_names(text: str, mark: str) -> int:
    """How many names of the header are known if this is what stands between them."""
    try:
        _, header = next(_records(text, mark), (1, []))
    except Unfit:
        return -1
    return sum(_spelled(cell) in _NAMES for cell in header)


def _spelled(text: str) -> str:
    return re.sub(r"[\s\-_]+", "_", text.strip().lower())


@dataclass(frozen=True, slots=True)
class _Reader:
    columns: Sequence[str]
    now: datetime
    zone: ZoneInfo

    def row(self, number: int, cells: Sequence[str]) -> Row:
        """One record, with everything that is wrong with it."""
        row = Row(number)
        if any(cell.strip() for cell in cells[len(self.columns) :]):
            detail = f"has {len(cells)} cells and the header {len(self.columns)}; is something not quoted?"
            row.faults.append(Fault("row", detail))
            return row
        given = {name: cell.strip() for name, cell in zip(self.columns, cells, strict=False)}
        for name, cell in given.items():
            if (fault := _fitting(name, cell)) is not None:
                row.faults.append(fault)
        if not row.faults:
            self._fill(row, given)
        return row

    def _fill(self, row: Row, given: Mapping[str, str]) -> None:
        email, phone, name = (given.get(one) or None for one in ("email", "phone", "name"))
        row.person = Person(email, phone, name)
        row.details, row.reference = given.get("details", ""), given.get("reference", "")
        row.jurisdiction = given.get("jurisdiction") or None
        row.language = (given.get("language") or "en").lower()
        try:
            row.type = _type(given.get("type", ""))
        except Invalid as error:
            row.faults.append(Fault(error.field, error.detail))
        row.faults += _person(row.person) + _places(row)
        if moment := given.get("received_at"):
            try:
                row.received_at = self._moment(moment)
            except Invalid as error:
                row.faults.append(Fault(error.field, error.detail))

    def _moment(self, text: str) -> datetime:
        try:
            if _DAY.fullmatch(text):
                return self._on(date.fromisoformat(text)).astimezone(UTC)
            if _MOMENT.fullmatch(text):
                moment = datetime.fromisoformat(text.upper())
                moment = moment.replace(tzinfo=self.zone) if moment.tzinfo is None else moment
                if moment > self.now:
                    raise Invalid("received_at", "lies in the future")
                return moment.astimezone(UTC)
        except (ValueError, OverflowError):  # the first day there is lies before it elsewhere
            pass  # told below, like what has another shape
        raise Invalid("received_at", "must be a day (2026-11-23) or a time (2026-11-23T16:25:08+01:00)")

    def _on(self, day: date) -> datetime:
        if day > self.now.astimezone(self.zone).date():
            raise Invalid("received_at", "lies in the future")
        return min(datetime.combine(day, NOON, self.zone), self.now)


def _fitting(name: str, cell: str) -> Fault | None:
    most = LONGEST_TEXT if name == "details" else LONGEST_LINE
    if len(cell) > most:
        return Fault(name, f"has {len(cell)} characters; {most} are allowed")
    if name != "details" and re.search(r"[\x00-\x1f\x7f-\x9f]", cell):
        return Fault(name, "must be on one line, without control characters")
    return None


def _type(text: str) -> RequestType:
    word = _spelled(text)
    if word in WORDS:
        return WORDS[word]
    if word not in set(RequestType):
        raise Invalid("type", f"unknown; allowed are {', '.join(RequestType)}")
    return RequestType(word)


def _person(person: Person) -> list[Fault]:
    faults = []
    if person.email and normalise.email(person.email) is None:
        faults.append(Fault("email", "not an e-mail address"))
    if person.phone and not re.fullmatch(normalise.DIALLED, person.phone):
        faults.append(Fault("phone", "not a telephone number"))
    if not (person.email or person.phone or person.name):
        faults.append(Fault("email", "at least one of email, phone, name is needed"))
    return faults


def _places(row: Row) -> list[Fault]:
    faults = []
    if row.language not in LANGUAGES:
        faults.append(Fault("language", f"unknown; allowed are {', '.join(LANGUAGES)}"))
    if row.jurisdiction is not None:
        try:
            regime_for(row.jurisdiction, RequestType.ACCESS)
        except Invalid as error:
            faults.append(Fault(error.field, error.detail))
    return faults
