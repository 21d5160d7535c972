"""Questions about the dispatcher's state. None of them changes it or walks the key space."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import redis

from .names import PREFIX

_MESSAGES = f"{PREFIX}messages"


class Depth(NamedTuple):
    """Messages ready, in flight and delayed; ``oldest_enqueued_ms`` (Unix) is the first ready one's.

    ``parked_ms`` is when a queue that rests (its lock is held elsewhere) is offered again, Unix; else None.
    """

    ready: int
    in_flight: int
    delayed: int
    oldest_enqueued_ms: int | None
    parked_ms: int | None = None


def size(client: redis.Redis) -> int:
    """Messages queued, delayed or in flight, of every queue together."""
    return _number(client.hlen(_MESSAGES))


def known(client: redis.Redis, messages: Iterable[tuple[str, str]]) -> set[str]:
    """The ids of those (queue, id) that are still queued, delayed or in flight."""
    ids = [message_id for _queue, message_id in messages]
    pipeline = client.pipeline(transaction=False)
    for message_id in ids:
        pipeline.hexists(_MESSAGES, message_id)
    return {message_id for message_id, present in zip(ids, pipeline.execute(), strict=True) if present}


def depths(client: redis.Redis, queue_names: Sequence[str]) -> Mapping[str, Depth]:
    """The depth of each named queue; a name nobody used is all zeroes. Two round trips."""
    pipeline = client.pipeline(transaction=False)
    for name in queue_names:
        pipeline.llen(name)
        pipeline.hget(f"{PREFIX}inflight", name)
        pipeline.hget(f"{PREFIX}delayed_by_queue", name)
        pipeline.lindex(name, 0)
        pipeline.zscore(f"{PREFIX}parked", name)
    answers = pipeline.execute()
    oldest = _enqueued_ms(client, [head for head in answers[3::5] if head is not None])
    columns = [answers[start::5] for start in range(5)]
    return {
        name: Depth(_number(ready), _number(in_flight), _number(delayed), oldest.get(head), _optional(parked))
        for name, ready, in_flight, delayed, head, parked in zip(queue_names, *columns, strict=True)
    }


def active(client: redis.Redis, limit: int) -> list[str]:
    """Up to ``limit`` queues with something ready, in flight, delayed or parked. Four bounded reads."""
    pipeline = client.pipeline(transaction=False)
    pipeline.hkeys(f"{PREFIX}inflight")  # as many at most as all workers prefetch
    pipeline.lrange(f"{PREFIX}ring", 0, limit - 1)
    pipeline.zrange(f"{PREFIX}parked", 0, limit - 1)
    pipeline.hscan(f"{PREFIX}delayed_by_queue", count=limit)
    in_flight, ring, parked, (_cursor, delayed) = pipeline.execute()
    names = dict.fromkeys([*in_flight, *ring, *parked, *delayed])
    return [name.decode() for name in names][:limit]


def _enqueued_ms(client: redis.Redis, ids: list[bytes]) -> dict[bytes | None, int | None]:
    if not ids:
        return {}
    values: Any = client.hmget(_MESSAGES, ids)
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
