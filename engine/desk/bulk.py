"""The same act for many requests, each tried by itself: one that fails keeps no other from being done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..core import Core
from ..errors import CallerError

MOST = 100
"""Requests at once."""

Act = Callable[..., object]
"""Takes the core, the tenant's id, the request's id, the actor, and what was said with it."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of one request: ``fault`` says why nothing was done, empty where it was."""

    request_id: str
    fault: str = ""


def perform(
    core: Core, tenant_id: str, ids: Sequence[str], actor: str, act: Act, said: Sequence[str] = ()
) -> list[Tried]:
    """Try the act on each, in a transaction of its own, in the order given; each id once, ``MOST`` at most."""
    return [_tried(core, tenant_id, one, actor, act, said) for one in list(dict.fromkeys(ids))[:MOST]]


def _tried(core: Core, tenant_id: str, request_id: str, actor: str, act: Act, said: Sequence[str]) -> Tried:
    try:
        act(core, tenant_id, request_id, actor, *said)
    except CallerError as error:
        return Tried(request_id, str(error))
    return Tried(request_id)
