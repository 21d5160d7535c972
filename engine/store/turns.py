"""A lock that is handed over in the order it was asked for.

``threading.Lock`` lets whoever runs next take it, which is the thread that just let it go: a worker that
commits batch after batch would keep the edge waiting for its single row.
"""

from __future__ import annotations

import threading
from collections import deque
from types import TracebackType


class Turns:
    """Re-entrant within a thread. Use as a context manager."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._owner: int | None = None
        self._depth = 0

    def __enter__(self) -> None:
        me = threading.get_ident()
        with self._guard:
            if self._owner == me or self._owner is None:
                self._owner = me
                self._depth += 1
                return
            gate = threading.Lock()
            gate.acquire()
            self._waiting.append(gate)
        gate.acquire()  # opened by whoever hands the turn over to us
        self._owner = me
        self._depth = 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._guard:
            self._depth -= 1
            if self._depth:
                return
            if self._waiting:
                self._owner = 0  # nobody's, until the one whose gate opens takes it
                self._waiting.popleft().release()
            else:
                self._owner = None
