"""Questions about the dispatcher's state. None walks the key space; none but the marker's changes anything."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from .connection import Client
from .shards import Shards


class Depth(NamedTuple):
    """Messages ready, in flight and delayed; ``oldest_enqueued_ms`` (Unix) is the first ready one's.

    ``parked_ms`` is when a queue that rests (its lock is held elsewhere) is offered again, Unix; else None.
    """

    ready: int
    in_flight: int
    delayed: int
    oldest_enqueued_ms: int | None
    parked_ms: int | None = None


def leave_marker(client: Client, shards: Shards, ours: bytes) -> bool:
    """Set the marker where it is missing; whether it was anywhere. One round trip while it isn't."""
    keys = [shards.internal(shard, "marker") for shard in shards]
    pipeline = client.pipeline(transaction=False)
    for key in keys:
        pipeline.get(key)
    missing = [key for key, held in zip(keys, pipeline.execute(), strict=True) if held is None]
    for key in missing:
        pipeline.set(key, ours, nx=True)
        # A try whose answer was lost may have set it: redis-py repeats the command.
        pipeline.get(key)
    return ours in pipeline.execute() if missing else False


def size(client: Client, shards: Shards) -> int:
    """Messages queued, delayed or in flight, of every queue together."""
    return sum(_number(client.hlen(shards.internal(shard, "messages"))) for shard in shards)


def known(client: Client, shards: Shards, messages: Iterable[tuple[str, str]]) -> set[str]:
    """The ids of those (queue, id) that are still queued, delayed or in flight."""
    asked = list(messages)
    pipeline = client.pipeline(transaction=False)
    for queue, message_id in asked:
        pipeline.hexists(shards.internal(shards.of(queue), "messages"), message_id)
    answers = pipeline.execute()
    return {message_id for (_queue, message_id), present in zip(asked, answers, strict=True) if present}


def depths(client: Client, shards: Shards, queue_names: Sequence[str]) -> Mapping[str, Depth]:
    """The depth of each named queue; a name nobody used is all zeroes. Two round trips."""
    pipeline = client.pipeline(transaction=False)
    for name in queue_names:
        shard, key = shards.of(name), shards.key(name)
        pipeline.llen(key)
        pipeline.hget(shards.internal(shard, "inflight"), name)
        pipeline.hget(shards.internal(shard, "delayed_by_queue"), name)
        pipeline.zscore(shards.internal(shard, "parked"), name)
        pipeline.lindex(key, 0)
    answers = pipeline.execute()
    rows = list(zip(queue_names, *(answers[start::5] for start in range(5)), strict=True))
    oldest = _enqueued_ms(client, shards, [(name, head) for name, *_, head in rows if head is not None])
    return {
        name: Depth(_number(ready), _number(in_flight), _number(delayed), oldest.get(head), _optional(parked))
        for name, ready, in_flight, delayed, parked, head in rows
    }


def active(client: Client, shards: Shards, limit: int) -> list[str]:
    """Up to ``limit`` queues with something ready, in flight, delayed or parked; one round trip."""
    pipeline = client.pipeline(transaction=False)
    for shard in shards:
        pipeline.hkeys(shards.internal(shard, "inflight"))  # as many at most as all workers prefetch
        pipeline.lrange(shards.internal(shard, "ring"), 0, limit - 1)
        pipeline.zrange(shards.internal(shard, "parked"), 0, limit - 1)
        pipeline.hscan(shards.internal(shard, "delayed_by_queue"), count=limit)
    answers = pipeline.execute()
    found = [answer[1] if isinstance(answer, tuple) else answer for answer in answers]
    return [name.decode() for name in dict.fromkeys(name for names in found for name in names)][:limit]


def _enqueued_ms(
    client: Client, shards: Shards, heads: Sequence[tuple[str, bytes]]
) -> dict[bytes | None, int | None]:
    pipeline = client.pipeline(transaction=False)
    for queue, message_id in heads:
        pipeline.hget(shards.internal(shards.of(queue), "messages"), message_id)
    values = pipeline.execute()
    return {head: _timestamp(value) for (_queue, head), value in zip(heads, values, strict=True)}


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
