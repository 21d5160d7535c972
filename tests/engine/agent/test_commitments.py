"""What the dx-agent hears of an activity: a commitment that only its salt opens, the same however often."""

from __future__ import annotations

from flow import Sender, advance, claim, customer, drain, leaves, run

from dxflow.engine.core import Core
from dxflow.engine.ledger import activity_leaf
from dxflow.engine.ledger.leaves import commit
from dxflow.engine.outbox import Dispatch
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models


def _published(core: Core, shopify: Sender, count: int) -> list[Dispatch]:
    """Messages of activities that wait for their registration."""
    for number in range(count):
        shopify.send("customers/create", customer(number + 1))
    return advance(core, "register")


def _register(core: Core, waiting: list[Dispatch]) -> None:
    for dispatch in waiting:
        for following in run(core, dispatch).follow_ups:
            run(core, following)


def _salt(activity: models.ProcessingActivity) -> models.ActivitySalt:
    return models.ActivitySalt.get(models.ActivitySalt.activity_id == activity.id)


def test_the_leaf_opens_with_salt_and_activity_and_with_nothing_else(
    core: Core, tenant: NewTenant, shopify: Sender
) -> None:
    shopify.send("customers/create", customer(1))
    drain(core)
    (activity,) = models.ProcessingActivity.select()
    (leaf,) = leaves(tenant.controller.id, "activity.registered")
    kept = _salt(activity)
    content = activity_leaf.payload(activity)
    assert leaf["commitment"] == kept.commitment == commit(bytes(kept.salt), content)
    assert commit(bytes(32), content) != leaf["commitment"]
    assert len(bytes(kept.salt)) == 32
    assert "Ada" not in str(leaf)


def test_equal_activities_have_different_commitments(core: Core, tenant: NewTenant, shopify: Sender) -> None:
    for number in range(5):
        shopify.send("customers/create", customer(1), f"delivery-{number}")
    drain(core)
    logged = [leaf["commitment"] for leaf in leaves(tenant.controller.id, "activity.registered")]
    assert len(set(logged)) == len(logged) == models.ActivitySalt.select().count()


def test_what_was_committed_to_stays_when_the_activity_changes_before_its_registration(
    core: Core, tenant: NewTenant, shopify: Sender
) -> None:
    """An agent may have been asked already, and the answer lost."""
    waiting = _published(core, shopify, 1)
    (activity,) = models.ProcessingActivity.select()
    before = _salt(activity).commitment
    model = models.ProcessingActivity
    model.update(purpose="something else").where(model.id == activity.id).execute()
    _register(core, waiting)
    drain(core)
    (leaf,) = leaves(tenant.controller.id, "activity.registered")
    assert leaf["commitment"] == before == _salt(activity).commitment


def test_what_an_older_version_published_without_a_salt_gets_one(
    core: Core, tenant: NewTenant, shopify: Sender
) -> None:
    waiting = _published(core, shopify, 3)
    activities = list(models.ProcessingActivity.select())
    models.ActivitySalt.delete().where(models.ActivitySalt.activity_id == activities[0].id).execute()
    _register(core, waiting)
    logged = {leaf["commitment"] for leaf in leaves(tenant.controller.id, "activity.registered")}
    assert logged == {_salt(activity).commitment for activity in activities}
    assert not claim(core)
