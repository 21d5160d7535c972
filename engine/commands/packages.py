"""``request package`` and ``request verify-package``: what a person is given, and what they check it with."""

from __future__ import annotations

from ...config import options
from ...config.commands import OPERATOR, Run, command
from ..access.roles import Permission
from ..errors import DxflowError
from ..fulfilment import package, verification
from .owner import one_tenant
from .requests import commands

MADE = {"id": "Package", "request_id": "Request", "size": "Bytes", "digest": "SHA-256", "expires_at": "Until"}
CHECKED = {
    "ok": "Holds",
    "problem": "Problem",
    "controller": "From",
    "kind": "Kind",
    "made_at": "Made",
    "files": "Files",
    "signed_by": "Signed by",
    "trusted": "Key given",
}


@command(commands, "package", takes=Permission.HANDLE_REQUESTS, tenant=True)
def request_package(run: Run, request_id: str) -> None:
    """Make the package of a request for access, categories or portability. The person fetches it themselves, at
    the address that their letter names, and gets the passphrase there."""
    core, tenant_id = one_tenant(run)
    made = package.make(core, tenant_id, request_id.strip().lower(), run.actor)
    run.show({name: getattr(made, name) for name in MADE}, MADE)


@command(commands, "verify-package", takes=OPERATOR)
def request_verify_package(
    run: Run,
    file: options.PackageFile,
    passphrase_file: options.PassphraseFile = None,
    vkey: options.TrustedKeys = None,
) -> int:
    """Check a package without a database: that it is whole and unchanged, and whose word it is. Exit code 1
    unless it holds. Without --vkey it shows only that the package is of one piece."""
    try:
        found = verification.verify(file, options.passphrase(passphrase_file), vkey or ()).as_json()
    except DxflowError as error:
        found = {"ok": False, "problem": str(error)}
    run.show(dict.fromkeys(CHECKED) | found, CHECKED)
    return 0 if found["ok"] else 1
