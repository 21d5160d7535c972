"""Names in Redis that operators look for.

A tenant's queue is named ``{family}_queue_{did}``, and the Redis list that holds it has exactly that name.
What only the broker reads is prefixed ``dxflow:`` (see ``common.lua`` for those keys).
"""

from __future__ import annotations

from typing import Final

from ...engine.machine import queue_name

#: The one queue Dramatiq knows of: one consumer thread serves every tenant from it.
QUEUE: Final = "dxflow"
#: What every internal Redis key starts with.
PREFIX: Final = "dxflow:"
#: The lock under which a tenant's register is written.
LOCK_TEMPLATE: Final = "audit_register_{did}"

_INFIX: Final = queue_name("", "")


def family_of(queue: str) -> str:
    """The family in a tenant queue's public name; any other name is a family of its own."""
    return queue.partition(_INFIX)[0]


def did_of(queue: str) -> str | None:
    """The DID in a tenant queue's public name; None for a queue that belongs to no tenant."""
    _family, infix, did = queue.partition(_INFIX)
    return did if infix and did else None


def check_queue_name(queue: str) -> None:
    """Raise ValueError unless ``queue`` is ``dxflow`` or ``{family}_queue_{did}`` without white space.

    The name becomes a Redis key as it stands, so anything freer could overwrite one of the broker's own.
    """
    if queue == QUEUE:
        return
    if queue.startswith(PREFIX) or did_of(queue) is None or any(c.isspace() for c in queue):
        raise ValueError(f"not a tenant queue's name: {queue!r} (expected family_queue_did)")
