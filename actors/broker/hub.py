"""The client that all threads of a process share, and the scripts on it."""

from __future__ import annotations

import threading
from functools import cached_property

from .connection import Client, ClientFactory, retrying
from .scripts import Scripts
from .shards import Shards


class Hub:
    """Made at first use: a Cluster's client connects when it is made, and nothing may before the fork."""

    def __init__(self, make_client: ClientFactory, shards: Shards) -> None:
        self.make_client = make_client
        self.shards = shards
        self._guard = threading.Lock()
        self._made: Client | None = None

    @property
    def client(self) -> Client:
        """Repeats what is safe to repeat. Raises redis-py's errors when a Cluster can't be reached."""
        with self._guard:
            if self._made is None:
                self._made = retrying(self.make_client())
            return self._made

    @cached_property
    def scripts(self) -> Scripts:
        """The scripts on the shared client."""
        return Scripts(self.client, self.shards)

    def close(self) -> None:
        """Close the connections; the next use opens new ones."""
        with self._guard:
            if self._made is not None:
                self._made.close()
