"""The logs over HTTP, as C2SP tlog-tiles has it: what an outsider fetches is what the checkpoint covers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from server import Installation, Server
from wire import Answer, Client

from dxflow.engine.core import Core
from dxflow.engine.ledger import merkle, note, tiles
from dxflow.engine.services import acts, tenants
from dxflow.engine.services.audit import covering, log_keys
from dxflow.engine.services.people import credentials
from dxflow.engine.store import models

Get = Callable[..., Answer]


def _checkpoint(get: Get, address: str, core: Core) -> note.Checkpoint:
    """The signed checkpoint, opened with the keys that the log's own address names."""
    vkeys = [key["vkey"] for key in get(f"{address}/keys").document["keys"]]
    answer = get(f"{address}/checkpoint")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    return note.open_checkpoint(answer.body.decode(), [note.Verifier.from_vkey(vkey) for vkey in vkeys])


class _Remote:
    """Tiles as an outsider knows them: by the size of the checkpoint in hand (``tiles.TileReader``)."""

    def __init__(self, get: Get, address: str, size: int) -> None:
        self._get, self._address, self._size = get, address, size

    def read(self, level: int, index: int) -> bytes:
        width = min(256, (self._size >> (8 * level)) - 256 * index)
        answer = self._get(f"{self._address}/{tiles.tile_path(level, index, width)}")
        assert answer.status == 200, answer.body
        assert len(answer.body) == 32 * width
        return answer.body


def _entries(get: Get, address: str, size: int) -> Iterator[bytes]:
    for first in range(0, size, 256):
        name = tiles.tile_path(0, first // 256, min(256, size - first)).replace("tile/0", "tile/entries", 1)
        data = get(f"{address}/{name}").body
        while data:
            length = int.from_bytes(data[:2], "big")
            yield data[2 : 2 + length]
            data = data[2 + length :]


def test_the_tiles_give_the_root_of_the_checkpoint(get: Get, address: str, core: Core) -> None:
    found = _checkpoint(get, address, core)
    assert found.size > 512
    assert tiles.root(_Remote(get, address, found.size), found.size) == found.root


def test_the_entries_give_the_hashes_of_the_tiles(get: Get, address: str, core: Core) -> None:
    found = _checkpoint(get, address, core)
    entries = list(_entries(get, address, found.size))
    assert [json.loads(entry)["seq"] for entry in entries] == list(range(found.size))
    frontier = merkle.Frontier()
    for entry in entries:
        frontier.append(merkle.leaf_hash(entry))
    assert frontier.root() == found.root


def test_an_older_checkpoint_can_still_be_read_when_the_log_has_grown(
    get: Get, address: str, core: Core, append: Callable[[int], None]
) -> None:
    older = _checkpoint(get, address, core)
    append(300)
    newer = _checkpoint(get, address, core)
    assert newer.size == older.size + 300
    assert tiles.root(_Remote(get, address, older.size), older.size) == older.root
    reader = _Remote(get, address, newer.size)
    proof = tiles.consistency_proof(reader, older.size, newer.size)
    merkle.verify_consistency(older.size, newer.size, older.root, newer.root, proof)


@pytest.mark.parametrize(
    "name",
    [
        "tile/0/999",
        "tile/0/000.p/256",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/x000/000",
        "tile/0/x001/000",
        "tile/00/000",
        "tile/1/000",
        "tile/5/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/entries/999",
        "tile/entries/000.p/300",
        "tile/0/000/",
        "tile/0/000.p/",
        "tile/",
        "tile/names/000",
        "elsewhere",
    ],
)
def test_what_no_tree_of_the_log_has_is_not_found(get: Get, address: str, name: str) -> None:
    answer = get(f"{address}/{name}")
    assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")


def test_a_partial_tile_wider_than_the_tree_is_not_there_yet(get: Get, address: str, core: Core) -> None:
    size = _checkpoint(get, address, core).size
    index, width = divmod(size, 256)
    assert get(f"{address}/{tiles.tile_path(0, index, width)}").status == 200
    assert get(f"{address}/{tiles.tile_path(0, index, width + 1)}").status == 404
    assert get(f"{address}/{tiles.tile_path(0, index)}").status == 404


def test_a_tile_may_be_kept_for_ever_and_a_checkpoint_must_be_asked_for(get: Get, address: str) -> None:
    tile = get(f"{address}/tile/0/000")
    assert tile.headers["content-type"] == "application/octet-stream"
    assert "immutable" in tile.headers["cache-control"]
    assert "public" in tile.headers["cache-control"]
    checkpoint = get(f"{address}/checkpoint")
    assert checkpoint.headers["cache-control"] == "no-cache"
    again = get(f"{address}/checkpoint", If_None_Match=checkpoint.headers["etag"])
    assert (again.status, again.body) == (304, b"")


def test_head_answers_as_get_without_the_body(get: Get, address: str) -> None:
    for path in (f"{address}/checkpoint", f"{address}/tile/0/000", f"{address}/keys", address):
        whole, head = get(path), get(path, "HEAD")
        assert (head.status, head.body) == (200, b"")
        assert head.headers["content-type"] == whole.headers["content-type"]


def test_the_log_s_own_address_says_what_is_here(get: Get, address: str, core: Core) -> None:
    found = get(address).document
    opened = _checkpoint(get, address, core)
    assert (found["origin"], found["size"]) == (opened.origin, opened.size)
    assert found["checkpoint"] == f"{address}/checkpoint"


def test_a_did_is_read_in_any_case_and_an_unknown_one_is_not_found(get: Get, address: str) -> None:
    scheme, method, digits = address.removeprefix("/log/").split(":")
    assert get(f"/log/{scheme}:{method}:{digits.upper()}/checkpoint").status == 200
    assert get(f"/log/{scheme}:{method}:{'0' * 64}/checkpoint").status == 404
    assert get("/log/nobody/checkpoint").status == 404


def test_the_installation_s_log_covers_the_tenant_s_checkpoint(
    get: Get, address: str, core: Core, tenant_id: str
) -> None:
    covering.cover(core)
    ours = _checkpoint(get, "/log", core)
    entries = list(_entries(get, "/log", ours.size))
    covered = covering.newest(core, tenant_id)
    assert covered is not None
    assert entries[covered.index].decode() == covered.leaf
    proof = tiles.inclusion_proof(_Remote(get, "/log", ours.size), covered.index, ours.size)
    merkle.verify_inclusion(
        merkle.leaf_hash(covered.leaf.encode()), covered.index, ours.size, proof, ours.root
    )


def test_a_rotated_key_stands_with_the_leaf_that_added_it(
    get: Get, address: str, core: Core, tenant_id: str
) -> None:
    log_keys.rotate(core)
    older, newer = get(f"{address}/keys").document["keys"]
    assert (older["index"], older["active"], newer["active"]) == (None, True, True)
    public_key = note.Verifier.from_vkey(newer["vkey"]).public_key
    assert json.loads(core.log.entry(tenant_id, newer["index"]).leaf)["key"] == public_key.hex()


def test_whatever_a_reader_finds_beside_a_writer_fits_its_checkpoint(
    edge: tuple[Server, Installation], address: str, core: Core, append: Callable[[int], None]
) -> None:
    def read(_: int) -> int:
        client = Client(edge[0].port)
        try:
            ask = lambda path: client.request("GET", path)  # noqa: E731  # the connection is this thread's own
            found = _checkpoint(ask, address, core)
            assert tiles.root(_Remote(ask, address, found.size), found.size) == found.root
            return found.size
        finally:
            client.close()
            core.store.close()

    with ThreadPoolExecutor(3) as pool:
        reads = [pool.submit(read, number) for number in range(24)]
        for count in (1, 7, 255, 1, 30, 256, 3):
            append(count)
        assert len({read.result() for read in reads}) > 1


@contextmanager
def _closed(core: Core, tenant_id: str) -> Iterator[None]:
    tenants.set_log_access(core, tenant_id, "key", acts.SYSTEM)
    try:
        yield
    finally:
        tenants.set_log_access(core, tenant_id, "public", acts.SYSTEM)


def test_a_log_may_be_for_its_tenant_s_keys_alone(
    edge: tuple[Server, Installation], get: Get, address: str, core: Core, tenant_id: str
) -> None:
    own = edge[1].tenant["api_key"]
    writer = credentials.create_key(core, tenant_id, "writes", ["write"], acts.SYSTEM)[1]
    strangers = tenants.create(core, "Another Shop", "EU").api_key
    with _closed(core, tenant_id):
        for path in ("", "/checkpoint", "/keys", "/tile/0/000", "/tile/entries/000"):
            refused = get(address + path)
            assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
            assert get(address + path, Authorization="Bearer dxk_wrong").status == 401
            assert get(address + path, Authorization=f"Bearer {writer}").status == 403
            assert get(address + path, Authorization=f"Bearer {strangers}").status == 404
            allowed = get(address + path, Authorization=f"Bearer {own}")
            assert allowed.status == 200
            assert "public" not in allowed.headers["cache-control"]
        assert get("/log/checkpoint").status == 200
    assert get(f"{address}/checkpoint").status == 200


def test_who_set_the_access_stands_in_the_log(core: Core, tenant_id: str, append: object) -> None:
    with _closed(core, tenant_id):
        pass
    entry = models.AuditEntry
    kinds = entry.select().where(entry.tenant_id == tenant_id, entry.kind == "tenant.log_access_set")
    leaves = [json.loads(row.leaf) for row in kinds.order_by(entry.seq)]
    assert [leaf["actor"] for leaf in leaves[-2:]] == ["system", "system"]
