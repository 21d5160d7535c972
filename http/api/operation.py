"""What one operation of the API is: a row of the table in ``table.py``, and what its handler gets.

``get`` and ``post`` are the only ways to make one. Both demand a scope and tie the handler's types to the
models that validate, so a route that anybody may call, or that answers something undocumented, can't be
declared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar, get_args

from ...engine.core import Core
from ...engine.errors import Invalid, NotFound
from ...engine.identity import did
from ...engine.services.credentials import Caller
from ...engine.services.queues import Depths
from .values import Nothing, Shape

PREFIX = "/api/v1"
Scope = Literal["read", "write"]

Query = TypeVar("Query", bound=Shape)
Body = TypeVar("Body", bound=Shape)
Answer = TypeVar("Answer", bound=Shape)


@dataclass(frozen=True, slots=True)
class Call(Generic[Query, Body]):
    """One validated request of a known caller. ``path_values`` are the path's parameters as they came."""

    core: Core
    depths: Depths
    caller: Caller
    path_values: Mapping[str, str]
    query: Query
    body: Body

    @property
    def tenant_id(self) -> str:
        """The only tenant this request can reach."""
        return self.caller.tenant_id

    @property
    def id(self) -> str:
        """The id in the path. Raises NotFound for anything but a UUID: no row has such an id."""
        try:
            return did.canonical(self.path_values["id"])
        except Invalid:
            raise NotFound("nothing has this id") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """``status`` is the one of success. ``atomic``: effect and kept answer share a transaction; switched off
    for work in many small transactions that is harmless to repeat."""

    method: Literal["GET", "POST"]
    path: str
    scope: Scope
    summary: str
    handler: Callable[[Call[Any, Any]], Shape]
    query: type[Shape]
    body: type[Shape]
    answer: type[Shape]
    status: int = 200
    atomic: bool = True

    def __post_init__(self) -> None:
        if self.scope not in get_args(Scope):
            raise ValueError(f"{self.path} needs a scope: {' or '.join(get_args(Scope))}")

    @property
    def name(self) -> str:
        """Unique, for generated clients: the handler's module and name."""
        return f"{self.handler.__module__.rpartition('.')[2]}_{self.handler.__name__}"

    @property
    def parameters(self) -> list[str]:
        """Names of the path's parameters."""
        return re.findall(r"{(\w+)}", self.path)


def get(
    path: str,
    scope: Scope,
    handler: Callable[[Call[Query, Nothing]], Answer],
    summary: str,
    *,
    query: type[Query],
    answer: type[Answer],
) -> Operation:
    """A GET below ``PREFIX``; HEAD comes with it."""
    return Operation(
        method="GET",
        path=PREFIX + path,
        scope=scope,
        summary=summary,
        handler=handler,
        query=query,
        body=Nothing,
        answer=answer,
    )


def post(
    path: str,
    scope: Scope,
    handler: Callable[[Call[Nothing, Body]], Answer],
    summary: str,
    *,
    body: type[Body],
    answer: type[Answer],
    status: int = 200,
    atomic: bool = True,
) -> Operation:
    """A POST below ``PREFIX``; ``Idempotency-Key`` comes with it."""
    return Operation(
        method="POST",
        path=PREFIX + path,
        scope=scope,
        summary=summary,
        handler=handler,
        query=Nothing,
        body=body,
        answer=answer,
        status=status,
        atomic=atomic,
    )
