"""Whose rows this thread may reach: nobody's, one data controller's, or everyone's.

The rule: a thread begins with nobody. One place per request, message or command says whose turn it is, and
every query on a tenant's table carries that tenant by itself (``models.TenantRow``, ``quick``, and behind both
PostgreSQL's row-level security). Without a scope such a query raises; inside one tenant's scope another's can't
be entered. What must look across tenants says why, where it does.

A generator must not yield inside a scope of its own: the scope would be its reader's too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token

from ..errors import Trespass

NOBODY = "none"
EVERYONE = "*"
"""As the setting ``dxflow.tenant`` of a PostgreSQL session spells them; anything else is a tenant's id."""

_scope: ContextVar[str] = ContextVar("dxflow_scope", default=NOBODY)
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def current() -> str:
    """``NOBODY``, ``EVERYONE`` or a tenant's id."""
    return _scope.get()


def tenant() -> str | None:
    """The tenant whose rows a query is about; None for everyone's. Raises Trespass for nobody's."""
    held = _scope.get()
    if held == NOBODY:
        raise Trespass(
            "a tenant's rows were asked for, and nobody said whose; enter scope.of(tenant_id) first"
        )
    return None if held == EVERYONE else held


@contextmanager
def of(tenant_id: str) -> Iterator[None]:
    """One tenant's rows and no others, to the end of the block. Raises Trespass inside another tenant's."""
    token = enter(tenant_id)
    try:
        yield
    finally:
        leave(token)


@contextmanager
def everyone(why: str) -> Iterator[None]:
    """All tenants' rows, to the end of the block (or, as a decorator, of the function), for this reason."""
    if not why:
        raise ValueError("a reason is needed to look at everyone's rows")
    token = _scope.set(EVERYONE)
    try:
        yield
    finally:
        leave(token)


@contextmanager
def afresh(tenant_id: str) -> Iterator[None]:
    """``of``, whatever this thread held: for threads that take one message after the other. A time limit may
    strike anywhere, also where a block is being left."""
    token = begin()
    try:
        enter(tenant_id)
        yield
    finally:
        leave(token)


def enter(tenant_id: str) -> Token[str]:
    """``of`` without a block, for who is told of begin and end apart; give the token to ``leave``."""
    held, wanted = _scope.get(), str(tenant_id)
    if not _ID.fullmatch(wanted):
        raise Trespass("a tenant's scope needs the tenant's id")
    if held not in (NOBODY, EVERYONE, wanted):
        raise Trespass(f"inside the scope of tenant {held} the one of tenant {wanted} can't be entered")
    return _scope.set(wanted)


def begin() -> Token[str]:
    """Nobody, whatever this thread did before: a request or message that is about to say who it is."""
    return _scope.set(NOBODY)


def leave(token: Token[str]) -> None:
    """Back to what was before."""
    _scope.reset(token)
