"""Questions about the dispatcher's state. None walks the key space; none but the marker's changes anything."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from .hub import Hub
from .shards import by_shard


class Depth(NamedTuple):
    """Messages ready, in flight and delayed; ``oldest_enqueued_ms`` (Unix) is the first ready one's.

    ``parked_ms`` is when a queue that rests (its lock is held elsewhere) is offered again, Unix; else None.
    """

    ready: int
    in_flight: int
    delayed: int
    oldest_enqueued_ms: int | None
    parked_ms: int | None = None


def leave_marker(hub: Hub, ours: bytes) -> bool:
    """Set the marker in every shard where it is missing; whether it was anywhere."""

    def leave(shard: int) -> bool:
        key = hub.shards.internal(shard, "marker")
        if hub.client.get(key) is not None:
            return False
        # A try whose answer was lost may have set it: redis-py repeats the command.
        return bool(hub.client.set(key, ours, nx=True)) or hub.client.get(key) == ours

    return any(hub.ask(dict.fromkeys(hub.shards), leave).values())


def size(hub: Hub) -> int:
    """Messages queued, delayed or in flight, of every queue together. Every shard must answer."""
    return sum(_number(hub.client.hlen(hub.shards.internal(shard, "messages"))) for shard in hub.shards)


def known(hub: Hub, messages: Iterable[tuple[str, str]]) -> set[str]:
    """The ids of those (queue, id) that are still queued, delayed or in flight; or may be, for all one knows,
    because their shard's node is away."""
    asked = by_shard(messages, lambda one: hub.shards.of(one[0]))

    def answers(shard: int) -> list[bool]:
        pipeline = hub.client.pipeline(transaction=False)
        for _queue, message_id in asked[shard]:
            pipeline.hexists(hub.shards.internal(shard, "messages"), message_id)
        return list(pipeline.execute())

    told = hub.ask(asked, answers)
    return {
        message_id
        for shard, group in asked.items()
        for (_queue, message_id), present in zip(group, told.get(shard, [True] * len(group)), strict=True)
        if present
    }


def depths(hub: Hub, queue_names: Iterable[str]) -> dict[str, Depth]:
    """The depth of each named queue; a name nobody used is all zeroes. Those whose node is away are left out.
    Two round trips per shard."""
    asked = by_shard(queue_names, hub.shards.of)
    told = hub.ask(asked, lambda shard: _depths(hub, shard, asked[shard]))
    return {name: depth for found in told.values() for name, depth in found.items()}


def _depths(hub: Hub, shard: int, names: Sequence[str]) -> dict[str, Depth]:
    pipeline = hub.client.pipeline(transaction=False)
    for name in names:
        key = hub.shards.key(name)
        pipeline.llen(key)
        pipeline.hget(hub.shards.internal(shard, "inflight"), name)
        pipeline.hget(hub.shards.internal(shard, "delayed_by_queue"), name)
        pipeline.zscore(hub.shards.internal(shard, "parked"), name)
        pipeline.lindex(key, 0)
    answers = pipeline.execute()
    rows = list(zip(names, *(answers[start::5] for start in range(5)), strict=True))
    oldest = _enqueued_ms(hub, shard, [head for *_, head in rows if head is not None])
    return {
        name: Depth(_number(ready), _number(in_flight), _number(delayed), oldest.get(head), _optional(parked))
        for name, ready, in_flight, delayed, parked, head in rows
    }


def active(hub: Hub, limit: int) -> list[str]:
    """Up to ``limit`` queues with something ready, in flight, delayed or parked. One round trip per shard."""

    def names(shard: int) -> list[bytes]:
        pipeline = hub.client.pipeline(transaction=False)
        pipeline.hkeys(hub.shards.internal(shard, "inflight"))  # as many at most as all workers prefetch
        pipeline.lrange(hub.shards.internal(shard, "ring"), 0, limit - 1)
        pipeline.zrange(hub.shards.internal(shard, "parked"), 0, limit - 1)
        pipeline.hscan(hub.shards.internal(shard, "delayed_by_queue"), count=limit)
        in_flight, ring, parked, (_cursor, delayed) = pipeline.execute()
        return [*in_flight, *ring, *parked, *delayed]

    found = hub.ask(dict.fromkeys(hub.shards), names)
    return [name.decode() for name in dict.fromkeys(name for some in found.values() for name in some)][:limit]


def _enqueued_ms(hub: Hub, shard: int, ids: list[bytes]) -> dict[bytes | None, int | None]:
    if not ids:
        return {}
    values = hub.client.hmget(hub.shards.internal(shard, "messages"), ids)
    return {one: _timestamp(value) for one, value in zip(ids, values, strict=True)}


def _timestamp(value: bytes | None) -> int | None:
    """``message_timestamp`` in a stored message; None if it was taken between the two reads or isn't JSON."""
    if value is None:
        return None
    try:
        stamp = json.loads(value.partition(b"\n")[2])["message_timestamp"]
    except (ValueError, KeyError, TypeError):
        return None
    return stamp if isinstance(stamp, int) else None


def _optional(answer: Any) -> int | None:
    return None if answer is None else int(answer)


def _number(answer: Any) -> int:
    return int(answer) if answer else 0
