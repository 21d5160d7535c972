"""From a request to an answer, the same way for every operation of the table.

The order is fixed: who is it, may they, is the request well-formed, was it answered before, do it. So nothing
about a tenant's rows shows to anybody without its key, and nothing changes for a request that is refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any

import falcon
import structlog

from ...engine.core import Core
from ...engine.services import idempotency
from ...engine.services.idempotency import Claim, Kept
from ...engine.services.queues import Depths
from .. import auth, prefix, problems
from . import reading
from .operation import Call, Operation

Responder = Callable[..., None]


class Endpoint:
    """The operations of one path, as the responders Falcon looks for."""

    on_get: Responder
    on_head: Responder
    on_post: Responder

    def __init__(
        self, operations: Sequence[Operation], core: Core, depths: Depths, max_body_bytes: int
    ) -> None:
        self._core = core
        self._depths = depths
        self._max_body_bytes = max_body_bytes
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
        caller = auth.authenticate(req, operation.scope)
        structlog.contextvars.bind_contextvars(tenant=caller.tenant_id)
        query = reading.query(req, operation.query)
        if operation.method == "GET":
            body = operation.body()
        else:
            body = reading.body(req, operation.body, self._max_body_bytes)
        return Call(self._core, self._depths, caller, path_values, query, body)

    def _answer(self, operation: Operation, call: Call[Any, Any], req: falcon.Request) -> tuple[Kept, bool]:
        key = req.get_header(idempotency.HEADER) if operation.method == "POST" else None
        if key is None:
            return self._run(operation, call), False
        request = idempotency.fingerprint(
            self._core, call.tenant_id, operation.method, req.path, call.body.model_dump_json()
        )
        found = idempotency.claim(self._core, call.tenant_id, key, request)
        if isinstance(found, Claim):
            return self._run_once(operation, call, found), False
        # What a question was answered is not kept, because it may be personal data: it is asked again.
        return (self._run(operation, call) if operation.scope == "read" else found), True

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
        kept = "" if operation.scope == "read" else answer.body
        idempotency.keep(self._core, claim, answer.status, kept)
