"""A person who is known, and requests of theirs that are proven and being worked on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flow import Sender, customer, drain

from dxflow.engine.core import Core
from dxflow.engine.platforms.base import Person
from dxflow.engine.services.rights import requests
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

ADA = "person1@shop.example"
Asked = Callable[..., models.RightsRequest]


@pytest.fixture
def ada(core: Core, tenant: NewTenant, shopify: Sender) -> models.DataSubject:
    """Known by a delivery of Shopify's."""
    shopify.send("customers/create", customer())
    drain(core)
    found = core.subjects.find(tenant.controller.id, Person(email=ADA))
    assert found is not None
    return found


@pytest.fixture
def asked(core: Core, tenant: NewTenant) -> Asked:
    """Makes a request of Ada's that is proven and being worked on."""

    def make(wanted: str, email: str = ADA, **changes: object) -> models.RightsRequest:
        person, columns = Person(email=email), {"state": "data_collection", **changes}
        made = requests.create(core, tenant.controller.id, "system", wanted, person, details="please")
        drain(core)
        columns.setdefault("verified_at", core.clock())
        columns.setdefault("verified_by", "channel")
        models.RightsRequest.update(**columns).where(models.RightsRequest.id == made.id).execute()
        drain(core)
        return models.RightsRequest.get_by_id(made.id)

    return make
