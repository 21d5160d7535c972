"""What is measured, each in a process of its own: ``python benchmarks/children.py NAME``.

``web`` and ``serve`` are dxflow as the command line runs it, with its settings in the environment; ``empty`` is
the edge's peer, ``chain`` the whole path's. A child tells its parent that it is ready by answering: the servers
on their port, the chain on its standard output.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import dxflow
from dxflow.config import logging, processes
from dxflow.config.server import run_server
from dxflow.config.settings import Settings
from dxflow.engine.wiring import core_for


def web() -> int:
    """The edge alone."""
    settings = _settings()
    return processes.web(settings, _open, dxflow.create_app)


def serve() -> int:
    """Edge and actors in one process, on an embedded Valkey."""
    return processes.serve(
        _settings(),
        _open,
        lambda settings, sole: dxflow.Engine(settings, sole=sole),
        lambda settings, engine: dxflow.create_app(settings, engine=engine),
    )


def empty() -> int:
    """A Falcon resource that does nothing, under the same worker with the same options."""
    import falcon

    class Nothing:
        def on_post(self, req: falcon.Request, resp: falcon.Response, **_: str) -> None:
            """Answer 200 without reading or writing anything."""

    def application() -> falcon.App[Any, Any]:
        app = falcon.App()
        app.add_route("/webhooks/{platform}/{connector_id}", Nothing())
        return app

    settings = _settings()
    return run_server(
        settings,
        application,
        on_fork=lambda: None,
        on_exit=lambda: None,
        workers=settings.web_workers,
        threads=settings.edge_threads,
    )


def chain() -> int:
    """No-op messages of stock Dramatiq, each enqueuing the next: ``LENGTH COUNT`` on a line of standard input
    runs so many chains; the answer is the seconds they took."""
    import dramatiq
    import redis
    from dramatiq.brokers.redis import RedisBroker

    from dxflow.config.valkey import EmbeddedValkey

    valkey = EmbeddedValkey(Path(os.environ["DXFLOW_DATA_DIR"]))
    valkey.start()
    client = redis.Redis.from_url(valkey.url)
    broker = RedisBroker(client=client)  # type: ignore[no-untyped-call]  # unannotated in dramatiq
    ended = threading.Semaphore(0)

    def step(left: int) -> None:
        if left > 1:
            following.send(left - 1)
        else:
            ended.release()

    following = dramatiq.actor(broker=broker)(step)
    worker = dramatiq.Worker(broker, worker_threads=_settings().worker_threads)
    worker.start()
    print("ready", flush=True)
    for line in sys.stdin:
        length, count = (int(word) for word in line.split())
        began = time.monotonic()
        for _ in range(count):
            following.send(length)
        for _ in range(count):
            ended.acquire()
        print(time.monotonic() - began, flush=True)
    worker.stop()
    valkey.stop()
    return 0


def _settings() -> Settings:
    settings = Settings.load()
    logging.configure(settings)
    return settings


def _open(settings: Settings) -> None:
    core_for(settings).store.close()


CHILDREN = {"web": web, "serve": serve, "empty": empty, "chain": chain}

if __name__ == "__main__":
    sys.exit(CHILDREN[sys.argv[1]]())
