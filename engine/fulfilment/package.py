"""Packages: what a person gets who asks for their data, made, kept for a while, and forgotten.

A package is kept as it is handed out, encrypted; the passphrase lies beside it under the tenant's key and goes
with it. Its digest stands in the log, so that nobody can say later that it was another one, or made later.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from .. import moments
from ..announcing import announce
from ..core import Core
from ..desk import settings
from ..errors import Conflict
from ..services import acts
from ..store import models
from . import archive, collecting, people


def make(core: Core, tenant_id: str, request_id: str, actor: str) -> models.Package:
    """Collect the person's data and keep the package; an earlier one of the same request is gone then.

    Raises NotFound, and Conflict unless the request is for access, its categories or portability, is proven to
    be the person's own, and is being worked on.
    """
    request, subject = _asked(core, tenant_id, request_id)
    whom, data = _whom(subject), collecting.collect(core, request, subject)
    package_id, now = core.new_id(), core.clock()
    expires_at = now + timedelta(days=settings.of(tenant_id).package_days)
    passphrase = archive.new_passphrase(core.log.random)
    origin = str(core.log.head(tenant_id).origin)
    about = _about(core, origin, data, package_id, now)
    sign = partial(core.signing.sign_text, origin)
    sealed = archive.build(archive.files_of(data), about, passphrase, now, sign)
    with core.store.transaction():
        again, still = _asked(core, tenant_id, request_id, locked=True)
        if (_whom(still), again.type) != (whom, request.type):
            raise Conflict("whom or what this request is about has just changed; make the package again")
        supersede(core, request_id)
        package = models.Package.create(
            id=package_id,
            tenant_id=tenant_id,
            request_id=request_id,
            subject_id=subject.id,
            content=sealed.content,
            size=len(sealed.content),
            digest=sealed.digest,
            manifest=sealed.manifest,
            passphrase_sealed=core.keys.seal(tenant_id, passphrase.encode(), **place(package_id)),
            made_at=now,
            expires_at=expires_at,
            fetches=0,
            force_insert=True,
        )
        body = {"package": package_id, "request": request_id, "digest": sealed.digest}
        acts.record(core, tenant_id, "package.made", actor, {"subject": subject.id}, [subject.id], **body)
        announce(core, tenant_id, "package.made", {"package_id": package_id, "request_id": request_id})
    core.bell.set()
    return package


def place(package_id: str) -> dict[str, str]:
    """Where a passphrase lies."""
    return {"table": "packages", "column": "passphrase_sealed", "row_id": package_id}


def newest(tenant_id: str, request_id: str) -> models.Package | None:
    """The package of a request that can be fetched; None without one. Its content isn't read."""
    row = models.Package
    columns = [field for name, field in row._meta.fields.items() if name != "content"]
    found: models.Package | None = (
        row.select(*columns)
        .where(row.tenant_id == tenant_id, row.request_id == request_id, row.gone_at.is_null())
        .order_by(row.made_at.desc())
        .first()
    )
    return found


def _asked(
    core: Core, tenant_id: str, request_id: str, *, locked: bool = False
) -> tuple[models.RightsRequest, models.DataSubject]:
    """A request that a package answers, and whom it is about. Raises NotFound, Conflict."""
    with core.store.reachable():
        found = people.of_request(tenant_id, request_id, locked=locked)
    people.ready(found[0], collecting.TYPES)
    return found


def _whom(subject: models.DataSubject) -> list[str]:
    """Whose data a package holds: the person's, and that of all merged into them, who may be taken apart."""
    return [subject.id, *sorted(one.id for one in people.family(subject))]


def _about(
    core: Core, origin: str, data: collecting.Data, package_id: str, made_at: datetime
) -> dict[str, Any]:
    """What the manifest says beside the files: by and for whom, when, for which request, whose keys sign. Not
    until when it can be fetched: that is counted from the answer."""
    return {
        "package": package_id,
        "kind": data["kind"],
        "made_at": moments.to_text(made_at),
        "controller": {"did": data["controller"]["did"], "name": data["controller"]["name"]},
        "subject": data["subject"]["did"],
        "request": data["request"],
        "origin": origin,
        "keys": core.signing.vkeys(origin),
    }


def supersede(core: Core, request_id: str) -> None:
    """Nothing that was packed up for this request can be fetched any more."""
    row = models.Package
    gone = row.update(content=None, passphrase_sealed=None, gone_at=core.clock())
    gone.where(row.request_id == request_id, row.gone_at.is_null()).execute()
