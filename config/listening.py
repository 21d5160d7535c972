"""The socket that an edge listens on, opened before anything else starts."""

from __future__ import annotations

import errno
import socket
import time

from .errors import AddressTaken
from .settings import Settings

PATIENCE_S = 3.0
"""The port of a server that was killed is free when its last child is dead, on a busy machine a moment later:
who starts the next one at once finds it taken by nobody who stays."""
_PAUSE_S = 0.05
_BACKLOG = 2048


def listen(settings: Settings) -> socket.socket:
    """The listening socket for DXFLOW_HOST and DXFLOW_PORT. Raises AddressTaken: one line."""
    until = time.monotonic() + PATIENCE_S
    while True:
        listener, address = _socket(settings)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(_BACKLOG)  # on Linux two sockets may bind an address, but only one may listen
            return listener
        except OSError as error:
            listener.close()
            if error.errno != errno.EADDRINUSE or time.monotonic() > until:
                raise _taken(settings.listen_address, error) from None
        time.sleep(_PAUSE_S)


def _socket(settings: Settings) -> tuple[socket.socket, tuple[object, ...]]:
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.socket(family, kind), address
    except OSError as error:
        raise AddressTaken(f"DXFLOW_HOST: {settings.host} is no address here: {error.strerror}") from None


def _taken(where: str, error: OSError) -> AddressTaken:
    if error.errno == errno.EADDRINUSE:
        return AddressTaken(
            f"DXFLOW_PORT: {where} is taken by another program; stop it, or choose another port"
        )
    return AddressTaken(f"DXFLOW_PORT: can't listen on {where}: {error.strerror}")
