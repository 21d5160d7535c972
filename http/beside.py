"""The application beside the engine of the process it runs in.

The engine may be there before the application or after it, run in another process altogether, or be stopped and
started again: so it is asked for with each question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ..config import logging
from ..config.settings import Settings
from ..engine.core import Core
from ..engine.services.traffic.queues import Depth, Holder
from .app import HttpSettings, build
from .late import WsgiApp
from .outside import Outside


class Counters(Protocol):
    """Where the engine's counters are."""

    @property
    def registry(self) -> CollectorRegistry: ...


class Engine(Protocol):
    """What the edge asks of the actors' side."""

    @property
    def core(self) -> Core:
        """The opened store, keys and log. Raises DxflowError when the database can't be opened."""
        ...

    @property
    def metrics(self) -> Counters:
        """What it counts."""
        ...

    def depths(self, queue_names: Sequence[str]) -> Mapping[str, Depth]:
        """How full these queues are. Raises Unavailable when Redis doesn't answer."""
        ...

    def locks(self, queue_names: Sequence[str]) -> Mapping[str, Holder]:
        """Who has the locks of these register queues. Raises Unavailable where that isn't known."""
        ...

    def checks(self) -> Mapping[str, Callable[[], str]]:
        """The parts of readiness."""
        ...


class Beside(Collector):
    """Asks the engine that is there at the moment."""

    def __init__(self, present: Callable[[], Engine]) -> None:
        self._present = present

    def depths(self, queue_names: Sequence[str]) -> Mapping[str, Depth]:
        """As ``Engine.depths``."""
        return self._present().depths(queue_names)

    def locks(self, queue_names: Sequence[str]) -> Mapping[str, Holder]:
        """As ``Engine.locks``."""
        return self._present().locks(queue_names)

    def checks(self) -> dict[str, Callable[[], str]]:
        """As ``Engine.checks``."""
        return {name: self._check(name) for name in self._present().checks()}

    def _check(self, name: str) -> Callable[[], str]:
        return lambda: self._present().checks()[name]()

    def collect(self) -> Iterator[Metric]:
        """What the engine counts."""
        yield from self._present().metrics.registry.collect()


def make(settings: Settings, present: Callable[[], Engine]) -> WsgiApp:
    """The application of this process. Raises DxflowError when the database can't be opened."""
    logging.adopt()
    beside = Beside(present)
    registry = CollectorRegistry()
    registry.register(beside)
    edge = HttpSettings(settings.max_body_bytes, settings.base_url, settings.trusted_proxies)
    outside = Outside(beside.depths, beside.checks(), registry, beside.locks)
    return build(present().core, outside, edge)
