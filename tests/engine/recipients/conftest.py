"""The four platforms as tests play them, and APIs that reach them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import all_platforms
import pytest
from all_platforms import CREDENTIALS, LOOPBACK, afresh
from flow import HandClock
from recipients_servers import Playing

from dxflow.engine.outgoing import Limits, Outgoing
from dxflow.engine.recipients import Api

MakeApi = Callable[[str], tuple[Playing, Api]]


servers = all_platforms.servers


@pytest.fixture
def clock() -> HandClock:
    return HandClock(datetime(2026, 6, 1, 12, tzinfo=UTC))


@pytest.fixture
def api_of(servers: dict[str, Playing], clock: HandClock) -> MakeApi:
    """A platform as if nothing had happened there, and its API."""

    def make(platform: str) -> tuple[Playing, Api]:
        server = afresh(servers[platform])
        outgoing = Outgoing(clock, LOOPBACK, limits=Limits(0.3, 0.6, 1 << 20))
        return server, Api(outgoing, clock, platform, server.url, CREDENTIALS[platform], "wish-1")

    return make
