"""What one operation of the API is: a row of the table in ``table.py``, and what its handler gets.

``get`` and ``post`` are the only ways to make one. They demand a permission, or the reason why there is none
(``Openly``), and tie the handler's types to the models that validate: a route that anybody may call by
mistake, or that answers something undocumented, can't be declared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from ...engine.access.roles import Permission, Scope, scopes_with
from ...engine.core import Core
from ...engine.lookups import identifier
from ...engine.services.people.credentials import Caller
from ...engine.services.traffic.queues import Depths
from ..gate import Rule, open_to_all, with_key
from .values import Nothing, Shape

PREFIX = "/api/v1"

Query = TypeVar("Query", bound=Shape)
Body = TypeVar("Body", bound=Shape)
Answer = TypeVar("Answer", bound=Shape)


@dataclass(frozen=True, slots=True)
class Call(Generic[Query, Body]):
    """One validated request of a known caller. ``path_values`` are the path's parameters as they came."""

    core: Core
    depths: Depths
    public_url: str
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
        return identifier(self.path_values["id"], "nothing has this id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """``status`` is the one of success. ``atomic``: effect and kept answer share a transaction; switched off
    for work in many small transactions that is harmless to repeat. ``shown_once`` names a secret: the
    kept answer says null there. Only what is ``open_because`` of something needs no key."""

    method: Literal["GET", "POST"]
    path: str
    permission: Permission | None
    summary: str
    handler: Callable[[Call[Any, Any]], Shape]
    query: type[Shape]
    body: type[Shape]
    answer: type[Shape]
    status: int = 200
    atomic: bool = True
    shown_once: str = ""
    open_because: str = ""

    def __post_init__(self) -> None:
        if self.permission is not None and not scopes_with(self.permission):
            raise ValueError(f"{self.path}: no API key can have the permission {self.permission}")

    @property
    def rule(self) -> Rule:
        """Who may call it. Raises ValueError for an operation with neither a permission nor a reason."""
        return open_to_all(self.open_because) if self.permission is None else with_key(self.permission)

    @property
    def scope(self) -> Scope | None:
        """The narrowest scope of API keys that includes the permission; None for an open operation."""
        return None if self.permission is None else scopes_with(self.permission)[0]

    @property
    def asks(self) -> bool:
        """Whether it only asks; what it was answered may be personal data."""
        return self.scope == Scope.READ

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
    permission: Permission,
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
        permission=permission,
        summary=summary,
        handler=handler,
        query=query,
        body=Nothing,
        answer=answer,
    )


@dataclass(frozen=True, slots=True)
class Openly:
    """Nobody needs a key, and why that is right."""

    because: str


def post(
    path: str,
    permission: Permission | Openly,
    handler: Callable[[Call[Nothing, Body]], Answer],
    summary: str,
    *,
    body: type[Body],
    answer: type[Answer],
    status: int = 200,
    atomic: bool = True,
    shown_once: str = "",
) -> Operation:
    """A POST below ``PREFIX``; ``Idempotency-Key`` comes with it, where who calls is known."""
    return Operation(
        method="POST",
        path=PREFIX + path,
        permission=None if isinstance(permission, Openly) else permission,
        open_because=permission.because if isinstance(permission, Openly) else "",
        summary=summary,
        handler=handler,
        query=Nothing,
        body=body,
        answer=answer,
        status=status,
        atomic=atomic,
        shown_once=shown_once,
    )
