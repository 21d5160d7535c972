"""A bundle as it is sent: the same that is written to a file, and worth nothing without its end."""

from __future__ import annotations

import zipfile
from pathlib import Path

from dxflow.engine.core import Core
from dxflow.engine.ledger import verifier
from dxflow.engine.ledger.log import Leaf
from dxflow.engine.services.audit import bundle_stream, exports
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import scope


def grown(core: Core, tenant: NewTenant, count: int) -> None:
    batch = [
        Leaf(
            "workflow.step", {"actor": "system", "text": "".join(core.new_id() for _ in range(20))}, {"n": n}
        )
        for n in range(count)
    ]
    with core.store.transaction():
        core.log.append(tenant.controller.id, batch)


def test_what_is_sent_verifies_and_has_the_members_of_the_file(
    core: Core, tenant: NewTenant, tmp_path: Path
) -> None:
    grown(core, tenant, 700)
    pieces = list(bundle_stream.stream(core, tenant.controller.id))
    assert len(pieces) > 3
    sent, written = tmp_path / "sent.zip", tmp_path / "written.zip"
    sent.write_bytes(b"".join(pieces))
    exports.export(core, tenant.controller.id, written)
    vkey = core.signing.vkeys(core.log.head(tenant.controller.id).origin)[0]
    for bundle in (sent, written):
        assert verifier.main([str(bundle), "--key", vkey]) == 0
    with zipfile.ZipFile(sent) as one, zipfile.ZipFile(written) as other:
        assert one.namelist() == other.namelist()
        assert one.read("tile/entries/000") == other.read("tile/entries/000")


def test_one_that_was_cut_short_or_changed_is_refused(core: Core, tenant: NewTenant, tmp_path: Path) -> None:
    grown(core, tenant, 300)
    whole = b"".join(bundle_stream.stream(core, tenant.controller.id))
    for number, spoiled in enumerate((whole[:-1], whole[:-200], whole[:5000], whole[:9] + b"x" + whole[10:])):
        file = tmp_path / f"{number}.zip"
        file.write_bytes(spoiled)
        assert verifier.main([str(file)]) == 1


def test_it_takes_no_scope_of_whoever_reads_it(core: Core, tenant: NewTenant) -> None:
    grown(core, tenant, 300)
    with scope.of(tenant.controller.id):
        pieces = bundle_stream.stream(core, tenant.controller.id)
    held = scope.begin()
    try:
        while next(pieces, None) is not None:
            assert scope.current() == scope.NOBODY
    finally:
        scope.leave(held)
