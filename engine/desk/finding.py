"""Finding a request by what somebody has in hand: its id as mails and forms say it, the beginning of one, or a
reference: that of the file it came with, or the platform's own."""

from __future__ import annotations

import re

from ..core import Core
from ..services.rights import arrivals
from ..store import models

MOST = 20
"""Requests that begin alike are listed up to here."""
SHORTEST = 6
"""Signs of an id that tell it from others."""

_BEGINNING = re.compile(rf"[0-9a-f]{{{SHORTEST},32}}", re.ASCII)
_LONGEST = 200


def find(core: Core, tenant_id: str, text: str) -> list[models.RightsRequest]:
    """The requests that this may name, the newest first; none for what names none."""
    wanted = text.strip()
    if not wanted or len(wanted) > _LONGEST:
        return []
    came = arrivals.known(core, tenant_id, "csv", ("reference", wanted))
    found = [*_beginning(tenant_id, wanted), *_referred(tenant_id, wanted), *([came] if came else [])]
    return list({row.id: row for row in found}.values())[:MOST]


def _beginning(tenant_id: str, text: str) -> list[models.RightsRequest]:
    """Ids that begin so, however hyphens and case are set; a range, which the primary key finds."""
    digits = re.sub(r"[\s-]", "", text.lower().removeprefix("urn:uuid:"))
    if not _BEGINNING.fullmatch(digits):
        return []
    row = models.RightsRequest
    between = (row.id >= _spelled(digits, "0")) & (row.id <= _spelled(digits, "f"))
    query = row.select().where(row.tenant_id == tenant_id, between)
    return list(query.order_by(row.created_at.desc(), row.id).limit(MOST))


def _referred(tenant_id: str, text: str) -> list[models.RightsRequest]:
    row = models.RightsRequest
    query = row.select().where(row.tenant_id == tenant_id, row.reference == text)
    return list(query.order_by(row.created_at.desc(), row.id).limit(MOST))


def _spelled(digits: str, rest: str) -> str:
    whole = digits.ljust(32, rest)
    return "-".join((whole[:8], whole[8:12], whole[12:16], whole[16:20], whole[20:]))
