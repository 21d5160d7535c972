"""Ask somebody who may never answer, and go on without them after a while."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from ..errors import Unavailable
from .queues import Depth, Depths


@dataclass(slots=True)
class Patient:
    """``ask`` with an end to the waiting, for those who would rather know less than wait: a dispatcher that
    repeats its question to a hanging Redis takes longer than a monitor waits. While a question is unanswered,
    nobody asks another."""

    ask: Depths
    seconds: float = 2.0
    _asking: threading.Thread | None = field(default=None, init=False)

    def __call__(self, queue_names: Sequence[str]) -> Mapping[str, Depth]:
        """What ``ask`` gives or raises. Raises Unavailable when it takes too long."""
        if self._asking is not None and self._asking.is_alive():
            raise Unavailable("Redis doesn't answer")
        answer: Future[Mapping[str, Depth]] = Future()
        self._asking = threading.Thread(target=self._run, args=(queue_names, answer), daemon=True)
        self._asking.start()
        try:
            return answer.result(self.seconds)
        except TimeoutError:
            raise Unavailable(f"Redis doesn't answer within {self.seconds:g} s") from None

    def _run(self, queue_names: Sequence[str], answer: Future[Mapping[str, Depth]]) -> None:
        try:
            answer.set_result(self.ask(queue_names))
        except Exception as error:  # noqa: BLE001  # raised where the answer is waited for
            answer.set_exception(error)
