"""A lock node whose answers and speed a test decides."""

from __future__ import annotations

from dataclasses import dataclass

import redis


@dataclass
class SlowNode:
    """A node that takes its time over SET, by a clock of its own; or says nothing in that time."""

    client: redis.Redis
    takes_s: float
    says: Exception | None = None
    now: float = 100.0
    asked: int = 0

    def set(self, *arguments, **options):
        self.asked += 1
        self.now += self.takes_s
        if self.says is not None:
            raise self.says
        return self.client.set(*arguments, **options)

    def eval(self, *arguments):
        return self.client.eval(*arguments)  # a replica says of a key that isn't there that it isn't there
