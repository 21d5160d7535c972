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
        self._waiting: deque[tuple[int, threading.Lock]] = deque()
        self._owner: int | None = None
        self._depth = 0

    def __enter__(self) -> None:
        me, gate = threading.get_ident(), threading.Lock()
        with self._guard:
            if self._owner is None or self._owner == me:
                self._owner = me
                self._depth += 1
                return
            gate.acquire()
            self._waiting.append((me, gate))
        try:
            gate.acquire()  # opened by whoever hands the turn over to us
        except BaseException:  # a time limit struck while we waited: nobody else may wait for us
            self._step_aside(me, gate)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._guard:
            self._depth -= 1
            if not self._depth:
                self._hand_over()

    def _hand_over(self) -> None:
        """The turn is the next one's before they even wake, so that nobody can slip in between."""
        if self._waiting:
            self._owner, gate = self._waiting.popleft()
            self._depth = 1
            gate.release()
        else:
            self._owner = None

    def _step_aside(self, me: int, gate: threading.Lock) -> None:
        with self._guard:
            if (me, gate) in self._waiting:
                self._waiting.remove((me, gate))
            elif self._owner == me:
                self._hand_over()
