"""A provider, and a core that may reach it."""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterator
from datetime import UTC, datetime

import oidc
import pytest
from flow import HandClock
from oidc import Provider

from dxflow.engine import core as cores
from dxflow.engine.core import Core
from dxflow.engine.outgoing import Outgoing
from dxflow.engine.store import Store

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


@pytest.fixture
def clock() -> HandClock:
    """Near the provider's own time."""
    return HandClock(datetime.now(UTC))


@pytest.fixture
def core(store: Store, clock: HandClock) -> Core:
    made = cores.build(store, b"k" * 32, host="dxflow.example", clock=clock, spread=lambda: 1.0)
    return dataclasses.replace(made, outgoing=Outgoing(clock, LOOPBACK))


@pytest.fixture
def provider() -> Iterator[Provider]:
    with oidc.provider(email="ada@acme.example", email_verified=True) as made:
        yield made
