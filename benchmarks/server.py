"""The Valkey that every system uses, one after the other: the product's embedded one with a TCP port, because
not every peer speaks to a Unix socket."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # has no types
import redis
from stage import free_port

from dxflow.config.valkey import EmbeddedValkey


@dataclass(frozen=True, slots=True)
class Server:
    """A running Valkey; ``process`` is its own, for what it costs."""

    url: str
    client: redis.Redis
    process: psutil.Process

    def commands(self) -> int:
        """Commands since the start, those inside scripts included, without what the bench itself asks."""
        stats: dict[str, dict[str, Any]] = self.client.info("commandstats")
        return sum(int(one["calls"]) for name, one in stats.items() if name != "cmdstat_info")

    def cpu(self) -> float:
        """Processor seconds so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def memory(self) -> float:
        """Memory its data takes, in MB."""
        return float(self.client.info("memory")["used_memory"]) / 1e6

    def calm(self) -> None:
        """Wait while it rewrites its append-only file, which after much work takes a core for a while."""
        busy = ("aof_rewrite_in_progress", "aof_rewrite_scheduled", "rdb_bgsave_in_progress")
        while any(self.client.info("persistence")[name] for name in busy):
            time.sleep(0.1)

    def clear(self) -> None:
        """Forget everything."""
        self.client.flushall()


@contextmanager
def valkey(place: Path) -> Iterator[Server]:
    """An empty server with an append-only file in ``place``, synced each second as the product has it."""
    embedded = EmbeddedValkey(place)
    embedded.start()
    client = redis.Redis.from_url(embedded.url)
    try:
        port = free_port()
        client.config_set("bind", "127.0.0.1")
        client.config_set("port", port)
        pid = client.info("server")["process_id"]
        yield Server(f"redis://127.0.0.1:{port}/0", client, psutil.Process(pid))
    finally:
        client.close()
        embedded.stop()
