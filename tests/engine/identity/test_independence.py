"""Two tenants fed the same customers share nothing that could be compared, and a stolen database without the
root key answers no question of the kind "is this address in it?"."""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dxflow.engine import core as cores
from dxflow.engine.core import Core
from dxflow.engine.identity.subjects import Origin
from dxflow.engine.platforms.base import Person
from dxflow.engine.services import tenants
from dxflow.engine.store import Store, models

CUSTOMERS, CANDIDATES = 1_000, 1_000_000
WINDOW = 16
PEOPLE = [
    Person(email=f"person{n}@shop.example", phone=f"+4930{n:07d}", external_ids=(("shopify:one", str(n)),))
    for n in range(CUSTOMERS)
]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Core, Path, list[str]]]:
    """Two tenants with the same 1,000 customers, in a SQLite file."""
    file = tmp_path_factory.mktemp("two") / "dxflow.db"
    with Store(f"sqlite:///{file}") as store:
        store.database.pragma("synchronous", "off", permanent=True)
        store.migrate()
        core = cores.build(store, b"k" * 32, host="dxflow.example")
        made = [tenants.create(core, name, "DE").controller.id for name in ("One", "Two")]
        for tenant_id in made:
            origin = Origin(tenant_id, "api", None, None)
            for first in range(0, CUSTOMERS, 100):
                with store.transaction():
                    for person in PEOPLE[first : first + 100]:
                        core.subjects.match(origin, person, create=True)
        yield core, file, made


def _blobs(tenant_id: str) -> Iterator[bytes]:
    """Everything of a tenant that was made from its customers or its keys."""
    subject, link, key, salt = models.DataSubject, models.DataSubjectLink, models.WrappedKey, models.AuditSalt
    for row in subject.select().where(subject.tenant_id == tenant_id):
        yield from (bytes(row.key_wrapped), bytes(row.profile_sealed), row.did.encode(), row.id.encode())
    for row in link.select().where(link.tenant_id == tenant_id):
        yield from (bytes.fromhex(row.link), bytes(row.value_sealed))
    for row in key.select().where(key.owner_id == tenant_id):
        yield bytes(row.wrapped)
    for row in salt.select().where(salt.tenant_id == tenant_id):
        yield bytes(row.salt)


def _windows(blobs: Iterable[bytes]) -> set[bytes]:
    return {blob[n : n + WINDOW] for blob in blobs for n in range(len(blob) - WINDOW + 1)}


def test_two_tenants_with_the_same_customers_share_no_equal_bytes(two: tuple[Core, Path, list[str]]) -> None:
    _, _, (one, other) = two
    # Every DID begins in the same way; what follows must not.
    first = _windows(blob.removeprefix(b"did:dep:") for blob in _blobs(one))
    second = _windows(blob.removeprefix(b"did:dep:") for blob in _blobs(other))
    assert min(len(first), len(second)) > 100_000
    assert not first & second


def test_the_same_text_in_two_fields_gives_two_links_and_every_field_a_key(
    two: tuple[Core, Path, list[str]],
) -> None:
    core, _, made = two
    links = [
        core.keys.link(tenant_id, field, "", "4930123456").link
        for tenant_id in made
        for field in ("email", "phone", "external_id")
    ]
    assert len(set(links)) == 6
    macs = [core.keys.mac(tenant_id, purpose, "x") for tenant_id in made for purpose in ("dedup", "body")]
    assert len(set(macs)) == 4


HASHES: list[Callable[[bytes], bytes]] = [
    lambda text: hashlib.sha256(text).digest(),
    lambda text: hashlib.sha3_256(text).digest(),
    lambda text: hashlib.sha1(text).digest(),
    lambda text: hashlib.md5(text).digest(),
    lambda text: hashlib.blake2b(text, digest_size=32).digest(),
]


def _stored(file: Path) -> set[bytes]:
    """Whatever stands in any column of any table: as bytes, and texts of hexadecimal digits decoded too."""
    found = set[bytes]()
    with closing(sqlite3.connect(file)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in database.execute(f"SELECT * FROM {table}"):
                found |= {value for one in row for value in _spelled(one)}
    return found


def _spelled(value: object) -> Iterator[bytes]:
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, str):
        yield value.encode()
        try:
            yield bytes.fromhex(value.rpartition(":")[2])
        except ValueError:
            return


def _found(stored: set[bytes], candidates: Iterable[str], salts: Iterable[bytes] = (b"",)) -> set[str]:
    """Who of the candidates can be recognised by some unkeyed hash, or a salted one with these salts."""
    prefixes = list(salts)
    hits = set[str]()
    for candidate in candidates:
        text = candidate.encode()
        for prefix in prefixes:
            if any(digest(prefix + text) in stored for digest in HASHES):
                hits.add(candidate)
    return hits


def _dictionary() -> Iterator[str]:
    """A million addresses, our thousand customers among them."""
    yield from (f"person{n}@shop.example" for n in range(CANDIDATES))


def test_a_dictionary_of_a_million_addresses_finds_nobody_in_a_stolen_database(
    two: tuple[Core, Path, list[str]],
) -> None:
    _, file, _ = two
    stored = _stored(file)
    assert len(stored) > 10_000
    assert _found(stored, _dictionary()) == set()


def test_nor_does_any_secret_that_lies_in_the_database_help(two: tuple[Core, Path, list[str]]) -> None:
    """Every blob and text of it tried as a salt or a key, on customers who are there."""
    _, file, made = two
    stored = _stored(file)
    secrets = [blob for blob in stored if 16 <= len(blob) <= 64][:4_000] + [one.encode() for one in made]
    for person in PEOPLE[:3]:
        text = str(person.email).encode()
        for secret in secrets:
            for said in (text, b"email\0" + text):
                assert hashlib.sha256(secret + said).digest() not in stored
                assert hmac.digest(secret, said, "sha256") not in stored


def test_the_attack_finds_everybody_where_hashes_are_made_without_a_key() -> None:
    """The control: what the two tests above look for is found where it is."""
    weak = {hashlib.sha256(str(person.email).encode()).digest() for person in PEOPLE}
    assert len(_found(weak, (f"person{n}@shop.example" for n in range(2_000)))) == CUSTOMERS
