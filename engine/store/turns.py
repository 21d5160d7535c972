"""A lock that is handed over in the order it was asked for, with one exception.

``threading.Lock`` lets whoever runs next take it, which is the thread that just let it go: a worker that
commits batch after batch would keep the edge waiting for its single row. In plain order the edge would wait for
one batch of every worker; so it may ask for the next turn. Nobody starves: two urgent turns never follow each
other while somebody else waits.
"""

from __future__ import annotations

import threading
from collections import deque
from types import TracebackType

_Waiter = tuple[int, threading.Lock]


class Turns:
    """Re-entrant within a thread. Use as a context manager, or its ``urgent`` one."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: deque[_Waiter] = deque()
        self._pressing: deque[_Waiter] = deque()
        self._pressed = False
        self._owner: int | None = None
        self._depth = 0
        self.urgent = _Urgent(self)

    def __enter__(self) -> None:
        self.take(self._waiting)

    def take(self, line: deque[_Waiter]) -> None:
        """Wait in this line for the turn."""
        me, gate = threading.get_ident(), threading.Lock()
        with self._guard:
            if self._owner is None or self._owner == me:
                self._owner = me
                self._depth += 1
                return
            gate.acquire()
            line.append((me, gate))
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
        self._pressed = bool(self._pressing) and not (self._pressed and self._waiting)
        line = self._pressing if self._pressed else self._waiting
        if line:
            self._owner, gate = line.popleft()
            self._depth = 1
            gate.release()
        else:
            self._owner = None

    def _step_aside(self, me: int, gate: threading.Lock) -> None:
        with self._guard:
            for line in (self._waiting, self._pressing):
                if (me, gate) in line:
                    line.remove((me, gate))
                    return
            if self._owner == me:
                self._hand_over()


class _Urgent:
    """The same turns, taken before those who wait in the common line."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    def __enter__(self) -> None:
        self._turns.take(self._turns._pressing)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._turns.__exit__(kind, error, trace)
