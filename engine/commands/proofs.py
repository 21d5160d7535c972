"""``audit export`` and ``audit check``: what an auditor takes away, and what they do with it."""

from __future__ import annotations

import sys
from pathlib import Path

from ...config import options
from ...config.commands import OPERATOR, Run, command
from ..access.roles import Permission
from ..ledger import verifier
from ..services.audit import exports
from .audit import commands
from .owner import one_tenant

EXPORTED = {
    "path": "Bundle",
    "size": "Entries",
    "root": "Root",
    "bytes": "Bytes",
    "verifier": "Check it with",
}
PROOF = {"path": "Proof", "did": "DID", "index": "Entry"}


@command(commands, "export", takes=Permission.LOOK, tenant=True)
def audit_export(
    run: Run, out: options.Out = None, activity: options.Activity = None, force: options.Force = False
) -> None:
    """Write a tenant's whole log as a bundle that anybody can check; or the proof of one activity."""
    core, tenant_id = one_tenant(run)
    if activity is not None:
        row = exports.registration(core, tenant_id, activity)
        path = exports.write_proof(core, tenant_id, row, out, replace=force)
        run.show({"path": str(path), "did": row.did, "index": row.log_index}, PROOF)
        return
    size = core.log.head(tenant_id).size
    path = out or exports.default_path(core, tenant_id)
    found = exports.export(core, tenant_id, path, replace=force, progress=run.counter("Exporting", size))
    run.show(found | {"verifier": str(Path(verifier.__file__))}, EXPORTED)


@command(commands, "check", takes=OPERATOR)
def audit_check(
    run: Run,
    bundle: Path,
    key: options.Keys = None,
    checkpoint: options.Checkpoint = None,
) -> int:
    """Check a bundle or a proof, as the single file does that auditors run on their own machines."""
    words = [str(bundle), *(word for one in key or () for word in ("--key", one))]
    words += ["--checkpoint", str(checkpoint)] if checkpoint else []
    try:
        return verifier.main([*words, "--json"] if run.as_json else words)
    except SystemExit as ended:  # argparse's way to say wrong usage
        sys.stdout.flush()
        return int(ended.code or 0)
