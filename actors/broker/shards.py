"""Where in Redis a tenant's keys are: one shard, or as many as a Cluster can spread over its nodes.

The rule: everything one script touches is in one shard. Outside a Cluster there is one shard and no tag, so
that names stand in Redis exactly as operators know them; in a Cluster every key of shard *n* starts with the
hash tag ``{dxflow:n}``, which keeps the shard in one slot and so on one node. A tenant belongs to the shard
its DID hashes to, with all its queues.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

from .names import PREFIX, did_of

T = TypeVar("T")

#: Shards of a Cluster. Fixed, because a tenant's waiting messages don't move.
CLUSTER_SHARDS: Final = 16
#: The channel on which shards of a Cluster ring (``common.lua``).
CHANNEL: Final = f"{PREFIX}bell"


@dataclass(frozen=True, slots=True)
class Shards:
    """``count`` shards, numbered from 0; ``tagged`` where their keys must carry a hash tag."""

    count: int
    tagged: bool

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.count))

    def of(self, queue: str) -> int:
        """The shard of a queue; all queues of one DID share it."""
        return 0 if self.count == 1 else zlib.crc32((did_of(queue) or queue).encode()) % self.count

    def tag(self, shard: int) -> str:
        """What every key of a shard starts with; nothing outside a Cluster."""
        return f"{{dxflow:{shard}}}" if self.tagged else ""

    def internal(self, shard: int, name: str = "") -> str:
        """The broker's own key of that name in a shard; without a name, the prefix of them all."""
        return f"{self.tag(shard)}{PREFIX}{name}"

    def key(self, queue: str) -> str:
        """The key of the list that holds a queue."""
        return self.tag(self.of(queue)) + queue


SINGLE: Final = Shards(1, tagged=False)
CLUSTER: Final = Shards(CLUSTER_SHARDS, tagged=True)


def by_shard(entries: Iterable[T], shard_of: Callable[[T], int]) -> dict[int, list[T]]:
    """Entries apart by shard, in order."""
    groups: dict[int, list[T]] = defaultdict(list)
    for entry in entries:
        groups[shard_of(entry)].append(entry)
    return groups
