"""A client of transparency logs that nobody here wrote reads the log and accepts it: Go's sumdb packages."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from server import Installation, Server
from wire import Answer

from dxflow.engine.core import Core
from dxflow.engine.services.audit import log_keys

SOURCE = Path(__file__).parent / "outsider" / "main.go"
GOPATH = Path("/usr/share/gocode")
PACKAGE = GOPATH / "src/golang.org/x/mod/sumdb/tlog"

pytestmark = pytest.mark.skipif(
    not (shutil.which("go") and PACKAGE.is_dir()),
    reason="no Go with golang.org/x/mod here (Debian: golang-go, golang-golang-x-mod-dev)",
)


@pytest.fixture(scope="module")
def outsider(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client, built without a network."""
    program = tmp_path_factory.mktemp("outsider") / "outsider"
    settings = {
        "GO111MODULE": "off",
        "GOPATH": str(GOPATH),
        "GOFLAGS": "",
        "GOCACHE": str(program.parent / "cache"),
    }
    subprocess.run(["go", "build", "-o", str(program), str(SOURCE)], env=os.environ | settings, check=True)
    return program


def _ask(outsider: Path, *words: str) -> tuple[int, str]:
    ended = subprocess.run([str(outsider), *words], capture_output=True, text=True, timeout=120, check=False)
    return ended.returncode, ended.stdout.strip()


def test_it_accepts_every_entry_and_that_the_log_only_grew(
    outsider: Path,
    edge: tuple[Server, Installation],
    address: str,
    core: Core,
    tenant_id: str,
    append: Callable[[int], None],
    get: Callable[..., Answer],
    tmp_path: Path,
) -> None:
    url = f"http://127.0.0.1:{edge[0].port}{address}"
    [vkey] = core.signing.vkeys(core.log.head(tenant_id).origin)
    older = tmp_path / "older"
    older.write_bytes(get(f"{address}/checkpoint").body)
    size = core.log.head(tenant_id).size
    assert _ask(outsider, url, vkey) == (0, f"ACCEPTED {size}")
    append(321)
    assert _ask(outsider, url, vkey, str(older)) == (0, f"ACCEPTED {size + 321}")


def test_it_accepts_a_log_whose_keys_overlap(
    outsider: Path,
    edge: tuple[Server, Installation],
    address: str,
    core: Core,
    tenant_id: str,
    append: object,
) -> None:
    log_keys.rotate(core)
    url = f"http://127.0.0.1:{edge[0].port}{address}"
    head = core.log.head(tenant_id)
    for vkey in core.signing.vkeys(head.origin):
        assert _ask(outsider, url, vkey) == (0, f"ACCEPTED {head.size}")


def test_it_refuses_another_key_and_another_history(
    outsider: Path,
    edge: tuple[Server, Installation],
    address: str,
    core: Core,
    tenant_id: str,
    append: object,
    tmp_path: Path,
) -> None:
    url = f"http://127.0.0.1:{edge[0].port}{address}"
    head = core.log.head(tenant_id)
    vkey = core.signing.vkeys(head.origin)[0]
    foreign = core.signing.active()[0].named("somebody.else").vkey
    assert _ask(outsider, url, foreign)[0] == 1
    other = tmp_path / "other"
    other.write_text(core.signing.sign(head.origin, head.size - 5, b"\1" * 32), encoding="utf-8")
    assert _ask(outsider, url, vkey, str(other))[0] == 1
