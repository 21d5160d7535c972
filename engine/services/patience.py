"""Ask somebody who may never answer, and go on without them after a while."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ..errors import Unavailable

T = TypeVar("T")


@dataclass(slots=True)
class Patient(Generic[T]):
    """``ask`` with an end to the waiting, for those who would rather know less than wait: a dispatcher that
    repeats its question to a hanging Redis takes longer than a monitor waits. While a question is unanswered
    that somebody gave up on, nobody asks another."""

    ask: Callable[[Sequence[str]], Mapping[str, T]]
    seconds: float = 2.0
    _late: threading.Thread | None = field(default=None, init=False)

    def __call__(self, queue_names: Sequence[str]) -> Mapping[str, T]:
        """What ``ask`` gives or raises. Raises Unavailable when it takes too long."""
        if self._late is not None and self._late.is_alive():
            raise Unavailable("Redis doesn't answer")
        answer: Future[Mapping[str, T]] = Future()
        asking = threading.Thread(target=self._run, args=(queue_names, answer), daemon=True)
        asking.start()
        try:
            return answer.result(self.seconds)
        except TimeoutError:
            self._late = asking
            raise Unavailable(f"Redis doesn't answer within {self.seconds:g} s") from None

    def _run(self, queue_names: Sequence[str], answer: Future[Mapping[str, T]]) -> None:
        try:
            answer.set_result(self.ask(queue_names))
        except Exception as error:  # noqa: BLE001  # raised where the answer is waited for
            answer.set_exception(error)
