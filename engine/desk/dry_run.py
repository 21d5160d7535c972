"""What fulfilling a request would do, without doing it. Names nobody."""

from __future__ import annotations

from typing import Any

from ..core import Core
from ..erasing import plans
from ..errors import Conflict, NotFound
from ..fulfilment import limiting
from ..rights import proof
from ..rights.types import RequestType
from ..services.rights import requests
from ..store import models

_PACKAGES = (RequestType.ACCESS, RequestType.ACCESS_CATEGORIES, RequestType.PORTABILITY)
_HELD: dict[str, Any] = {
    "identifiers": models.DataSubjectLink,
    "consents": models.Consent,
    "activities": models.ProcessingActivity,
    "requests": models.RightsRequest,
    "deliveries": models.Event,
}


def dry_run(core: Core, tenant_id: str, request_id: str) -> dict[str, Any]:
    """``{"request", "type", "effect", "blocked": [why], "counts": {}, "plan"}``; ``plan`` is an erasure's own
    (``erasing/plans.py``), null for other rights. Raises NotFound."""
    request = requests.get(tenant_id, request_id)
    found: dict[str, Any] = {"request": request.id, "type": request.type, "counts": {}, "plan": None}
    blocked = _blocked(request)
    if request.type == RequestType.ERASURE and request.subject_id is not None:
        try:
            found["plan"] = plans.plan(core, tenant_id, request.subject_id, request_id=request.id)
            blocked += [one["why"] for one in found["plan"]["blocked"] if one["code"] != "identity"]
        except (Conflict, NotFound) as error:
            blocked.append(str(error))
    elif request.type in _PACKAGES and request.subject_id is not None:
        found["counts"] = {name: _count(model, request.subject_id) for name, model in _HELD.items()}
    return {**found, "effect": _effect(request), "blocked": blocked}


def _blocked(request: models.RightsRequest) -> list[str]:
    why = []
    if request.closed_at is not None:
        why.append(f"the request is {request.state}")
    if request.subject_id is None:
        why.append("nobody on file matches who asked")
    if not proof.enough(request):
        why.append("nobody has proven who asks")
    return why


def _effect(request: models.RightsRequest) -> str:
    if request.type == RequestType.ERASURE:
        return "the person is erased, once another person approved, and every recipient is asked"
    if request.type in _PACKAGES:
        return "a package of what is held is made, which the person fetches with a code"
    if request.type == RequestType.RECTIFICATION:
        return "the profile is put right, and recipients are told"
    if request.type in limiting.TYPES:
        return "a limit on processing is put in force, or consent is withdrawn"
    return "a person answers"


def _count(model: Any, subject_id: str) -> int:
    return int(model.select().where(model.subject_id == subject_id).count())
