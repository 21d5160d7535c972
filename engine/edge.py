"""From raw bytes to a committed event: what every webhook address does, whatever server carries it.

Verify, name, commit, answer; nothing else happens before the answer. Redis isn't touched: a dispatcher that is
down can't stop acceptance.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .core import Core
from .errors import NotAuthentic
from .inbox import Accepted, Arrival, Inbox
from .platforms import get as platform
from .platforms.base import Delivery
from .services.connectors.connectors import Connected, Endpoints
from .services.connectors.refusals import Refusals
from .store import scope

IGNORED = Accepted("", "ignored")


@dataclass(frozen=True, slots=True)
class Edge:
    """Shared by all threads of a process."""

    core: Core
    inbox: Inbox
    endpoints: Endpoints
    refusals: Refusals = field(init=False)

    def __post_init__(self) -> None:
        """One count of refusals for the process."""
        object.__setattr__(self, "refusals", Refusals(self.core))

    def receive(self, platform_name: str, connector_id: str, delivery: Delivery) -> Accepted:
        """Take one delivery in. ``event_id`` is empty for probes, which leave no trace.

        Raises NotFound for an unknown connector, NotAuthentic, Malformed, and Unavailable when the delivery
        couldn't be committed (the platform then tries again).
        """
        connector = self.endpoints.get(platform_name, connector_id)
        with scope.of(connector.tenant_id):
            return self._take(platform_name, connector, delivery)

    def _take(self, platform_name: str, connector: Connected, delivery: Delivery) -> Accepted:
        adapter = platform(platform_name)
        if adapter.is_probe(delivery):
            return IGNORED
        self.refusals.write()
        try:
            trust = adapter.verify(delivery, connector.endpoint, self.core.clock())
        except NotAuthentic as error:
            self.refusals.note(connector.tenant_id, connector.endpoint.connector_id, str(error))
            raise
        identity = adapter.identify(delivery, connector.endpoint)
        return self.inbox.accept(
            Arrival(
                tenant_id=connector.tenant_id,
                connector_id=connector.endpoint.connector_id,
                source=platform_name,
                topic=identity.topic,
                trust=trust.value,
                key=identity.key,
                body=delivery.body,
                meta=identity.meta,
                handled=identity.handled,
            )
        )
