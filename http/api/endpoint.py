"""From a request to an answer, the same way for every operation of the table.

The order is fixed: who is it and may they (``http/gate.py``), is the request well-formed, was it answered
before, do it. So nothing about a tenant's rows shows to anybody without its key, and nothing changes for a
request that is refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any

import falcon

from ...engine.core import Core
from ...engine.services import idempotency
from ...engine.services.idempotency import Claim, Kept
from ...engine.services.people import credentials
from ...engine.services.people.credentials import Caller
from ...engine.services.traffic.queues import Depths
from .. import prefix, problems
from ..outside import HttpSettings
from . import reading
from .operation import Call, Operation

Responder = Callable[..., None]


class Endpoint:
    """The operations of one path, as the responders Falcon looks for."""

    on_get: Responder
    on_head: Responder
    on_post: Responder

    def __init__(
        self, operations: Sequence[Operation], core: Core, depths: Depths, settings: HttpSettings
    ) -> None:
        self._core = core
        self._depths = depths
        self._settings = settings
        for operation in operations:
            responder = partial(self._serve, operation)
            setattr(self, f"on_{operation.method.lower()}", responder)
            if operation.method == "GET":
                self.on_head = responder

    def _serve(
        self, operation: Operation, req: falcon.Request, resp: falcon.Response, **path_values: str
    ) -> None:
        resp.set_header("Cache-Control", "no-store")
        with self._core.store.reachable():
            try:
                call = self._read(operation, req, path_values)
                answer, replayed = self._answer(operation, call, req)
            except reading.Refused as refused:
                problems.answer(resp, 422, "invalid", str(refused), prefix.path(req), errors=refused.faults)
                return
        resp.status = f"{answer.status} {HTTPStatus(answer.status).phrase}"
        resp.text = answer.body
        if answer.status == HTTPStatus.CREATED:
            resp.set_header("Location", f"{prefix.path(req)}/{json.loads(answer.body)['id']}")
        if replayed:
            resp.set_header("Idempotency-Replayed", "true")

    def _read(self, operation: Operation, req: falcon.Request, path_values: dict[str, str]) -> Call[Any, Any]:
        query = reading.query(req, operation.query)
        if operation.method == "GET":
            body = operation.body()
        else:
            body = reading.body(req, operation.body, self._settings.max_body_bytes)
        caller = req.context.caller or Caller("", credentials.NOBODY, frozenset())
        return Call(self._core, self._depths, self._settings.public_url, caller, path_values, query, body)

    def _answer(self, operation: Operation, call: Call[Any, Any], req: falcon.Request) -> tuple[Kept, bool]:
        known = operation.method == "POST" and operation.permission is not None
        key = req.get_header(idempotency.HEADER) if known else None
        if key is None:
            return self._run(operation, call), False
        request = idempotency.fingerprint(
            self._core, call.tenant_id, operation.method, req.path, call.body.model_dump_json()
        )
        found = idempotency.claim(self._core, call.tenant_id, key, request)
        if isinstance(found, Claim):
            return self._run_once(operation, call, found), False
        # What a question was answered is not kept, because it may be personal data: it is asked again.
        return (self._run(operation, call) if operation.asks else found), True

    def _run(self, operation: Operation, call: Call[Any, Any]) -> Kept:
        answer = operation.handler(call).model_dump_json(by_alias=True)
        return Kept(operation.status, answer)

    def _run_once(self, operation: Operation, call: Call[Any, Any], claim: Claim) -> Kept:
        try:
            if operation.atomic:
                with self._core.store.transaction():
                    answer = self._run(operation, call)
                    self._keep(operation, claim, answer)
                self._core.bell.set()  # rung inside, before the commit, it would be heard too early
            else:
                answer = self._run(operation, call)
                with self._core.store.transaction():
                    self._keep(operation, claim, answer)
        except BaseException:
            idempotency.release(self._core, claim)
            raise
        return answer

    def _keep(self, operation: Operation, claim: Claim, answer: Kept) -> None:
        kept = "" if operation.asks else _without(operation.shown_once, answer.body)
        idempotency.keep(self._core, claim, answer.status, kept)


def _without(secret: str, body: str) -> str:
    """What is kept of an answer: a secret is shown once, and stored nowhere."""
    return json.dumps({**json.loads(body), secret: None}) if secret else body
