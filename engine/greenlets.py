"""gevent, where a server brings it: it turns threads and sockets into cooperative ones by patching modules.

Two things need care. PostgreSQL's driver is C and would hold up every greenlet while it waits; it has a hook
for that. And what was derived from ``threading.local`` before the patch keeps one state per system thread,
which all greenlets would share: a connection and its transaction, of all things.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from ..config.errors import StartError


def are_to_come() -> bool:
    """Whether gevent is loaded and hasn't patched yet: what matters shouldn't be imported before it has."""
    return "gevent" in sys.modules and not are_here()


def are_here() -> bool:
    """Whether this process's threads are greenlets."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("threading"))


def cooperate() -> None:
    """Where threads are greenlets, let them share this process; elsewhere do nothing. Raises StartError."""
    if not are_here():
        return
    import peewee  # late: importing it early is what goes wrong

    extensions = importlib.import_module("psycopg2.extensions")
    if not issubclass(peewee._ConnectionLocal, importlib.import_module("gevent.local").local):
        raise StartError(
            "gevent has patched this process after dxflow's modules were loaded, so that greenlets would share "
            "database connections; begin gunicorn's configuration file with "
            "`from gevent import monkey; monkey.patch_all()`, or leave --preload out"
        )
    if extensions.get_wait_callback() is None:
        extensions.set_wait_callback(_wait)


def _wait(connection: Any) -> None:
    """Called by the driver instead of waiting by itself (psycopg2, "Support for coroutine libraries")."""
    extensions = importlib.import_module("psycopg2.extensions")
    socket = importlib.import_module("gevent.socket")
    while True:
        state = connection.poll()
        if state == extensions.POLL_OK:
            return
        if state == extensions.POLL_READ:
            socket.wait_read(connection.fileno())
        elif state == extensions.POLL_WRITE:
            socket.wait_write(connection.fileno())
        else:
            raise importlib.import_module("psycopg2").OperationalError(
                f"the driver is in an unknown state: {state}"
            )
