"""What engines ask of a dx-agent."""

from __future__ import annotations

import json
from collections.abc import Callable

import falcon

from ...engine.agent import wire
from ...engine.core import Core
from ...engine.services.audit import agent_desk
from .signed import Signatures


class RegistrationsResource:
    """``POST /v1/registrations``: a batch of one tenant (``wire.Registrations``)."""

    def __init__(self, core: Core, signatures: Signatures, count: Callable[[float], None]) -> None:
        self._core = core
        self._signatures = signatures
        self._count = count

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """200 with a ``wire.Answer``; 401, 403, 409, 413, 422."""
        signed, body = self._signatures.enter(req)
        with self._core.store.reachable():
            engine = agent_desk.engine_of(signed.key)
        self._signatures.once(signed)
        wish = wire.Registrations.read(body)
        answer = agent_desk.register(self._core, engine, wish)
        self._count(len(answer.receipts))
        resp.text = answer.model_dump_json()


class EnginesResource:
    """``POST /v1/engines``: whoever signs this asks to be known (``wire.Enrolment``)."""

    def __init__(self, core: Core, signatures: Signatures, token: str | None) -> None:
        self._core = core
        self._signatures = signatures
        self._token = token

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """201, or 200 for one that is known: ``{"id", "name", "public_key"}``; 401, 403."""
        signed, body = self._signatures.enter(req)
        wish = wire.Enrolment.read(body)
        row, made = agent_desk.enrol(self._core, signed.key, wish, self._token)
        resp.status = falcon.HTTP_201 if made else falcon.HTTP_200
        resp.text = json.dumps({"id": row.id, "name": row.name, "public_key": row.public_key})
