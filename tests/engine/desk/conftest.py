"""A request from a person on file, in Germany."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flow import HandClock

from dxflow.engine.core import Core
from dxflow.engine.platforms.base import Person
from dxflow.engine.services.rights import requests
from dxflow.engine.services.subjects import subjects
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

Ask = Callable[..., models.RightsRequest]


@pytest.fixture
def mine(tenant: NewTenant) -> str:
    """The data controller's id."""
    return str(tenant.controller.id)


@pytest.fixture
def desk(mailing: Core) -> Core:
    """The core of a desk that sends mail."""
    return mailing


@pytest.fixture
def ask(core: Core, mine: str, clock: HandClock) -> Ask:
    """Makes requests of somebody on file; received on 2 March 2099 unless told otherwise."""
    clock.now = datetime(2099, 3, 2, 9, 0, tzinfo=UTC)
    subjects.enter(core, mine, Person("ada@shop.example", None, "Ada"), "system")

    def make(type: str = "access", jurisdiction: str = "DE", **more: object) -> models.RightsRequest:
        person = Person("ada@shop.example", None, "Ada")
        return requests.create(core, mine, "system", type, person, jurisdiction=jurisdiction, **more)  # type: ignore[arg-type]

    return make
