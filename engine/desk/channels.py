"""Where somebody who asks can be reached, and since when that is known.

Release and proof go to what was on file before the request came: an address that arrived with it, or after it,
proves nothing (in Pavur's study of 2019 a quarter of the firms handed data to who merely asked well).
"""

from __future__ import annotations

from dataclasses import dataclass

from ..core import Core
from ..identity import normalise
from ..rights import intake
from ..rights.reaching import on_file, subject_of
from ..store import models

CHANNELS = ("email",)


@dataclass(frozen=True, slots=True)
class Target:
    """An address; ``mark`` stands for it where it must not be named."""

    channel: str
    address: str
    on_file: bool
    mark: str


def target(core: Core, request: models.RightsRequest, *, given_too: bool) -> Target | None:
    """The address on file of whom the request is about. Where it matches nobody, the one that came with it, if
    that counts (``given_too``); None where there is none. In the request's own scope."""
    subject = subject_of(request)
    if subject is not None:
        address = on_file(core, request, subject)
        return None if address is None else _target(core, request, address, known=True)
    given = intake.requester(core, request).get("email")
    if request.subject_id is not None or not given_too or not isinstance(given, str):
        return None
    return _target(core, request, given, known=False)


def _target(core: Core, request: models.RightsRequest, address: str, *, known: bool) -> Target | None:
    same = normalise.email(address)
    if same is None:
        return None
    return Target("email", address, known, core.keys.mac(request.tenant_id, "identity-target", same))


__all__ = ["CHANNELS", "Target", "on_file", "subject_of", "target"]
