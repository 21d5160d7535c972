"""A provider, and a core that may reach it."""

from __future__ import annotations

from collections.abc import Iterator

import oidc
import pytest
from flow import HandClock
from oidc import Provider, near_clock, reaching_here

from dxflow.engine.core import Core
from dxflow.engine.store import Store

clock = near_clock


@pytest.fixture
def core(store: Store, clock: HandClock) -> Core:
    return reaching_here(store, clock)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with oidc.provider(email="ada@acme.example", email_verified=True) as made:
        yield made
