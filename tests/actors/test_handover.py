"""What an actor leaves when its message couldn't run on: committed work goes on, the rest comes again."""

from __future__ import annotations

from collections.abc import Callable

import dramatiq
import pytest
from flow import HandClock, Sender, claim, customer, drain, events

from dxflow.actors.dispatcher import Dispatcher
from dxflow.actors.metrics import Metrics
from dxflow.actors.middleware.retries import RetryMiddleware
from dxflow.actors.workflows import declare
from dxflow.engine import machine, runner, steps
from dxflow.engine.core import Core
from dxflow.engine.errors import PermanentError, StaleFence, TransientError, Unavailable
from dxflow.engine.identity import did
from dxflow.engine.outbox import Dispatch, Outbox
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.steps import Outcome, Step
from dxflow.engine.store import models

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def shopify(core: Core, tenant: NewTenant) -> Sender:
    """A Shopify connector, and nothing under way."""
    sender = Sender(core, tenant.controller.id)
    drain(core)
    return sender


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception, str], None]:
    """``failing(error, event_id)``: extract raises it for that event."""

    def fail(error: Exception, event_id: str) -> None:
        whole = steps.STEPS["webhook"]["extract"]

        def apply(core: Core, event: models.Event, prepared: steps.Prepared) -> Outcome:
            if event.id == event_id:
                raise error
            return whole.apply(core, event, prepared)

        changed = {**steps.STEPS["webhook"], "extract": Step(apply, whole.prepare, whole.on_failure)}
        monkeypatch.setattr(steps, "STEPS", {**steps.STEPS, "webhook": changed})

    return fail


class NoLocks(dramatiq.Middleware):
    """Knows the option of actors that run under a lock, and takes none."""

    actor_options = frozenset({"lock"})


def _ended(message: Dispatch, dispatcher: Dispatcher, error: Exception, middleware: RetryMiddleware) -> None:
    """As Dramatiq tells its middleware that a message ended with an error."""
    proxy = dramatiq.broker.MessageProxy(dispatcher.message(message))
    middleware.after_process_message(dispatcher.broker, proxy, exception=error)


def test_what_was_committed_before_a_message_stopped_is_handed_over_at_once(
    core: Core, make_broker, valkey, shopify: Sender, failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "SLICE", 0.0)
    broker, metrics = make_broker(valkey, middleware=[NoLocks()]), Metrics()
    declare(broker, core, Dispatcher(core, broker), metrics)
    monkeypatch.setattr(steps, "STEPS", {**steps.STEPS, "webhook": _one_message_each(steps.STEPS["webhook"])})
    ids = [shopify.send("customers/create", customer(number)).event_id for number in range(3)]
    failing(Unavailable("gone"), ids[2])
    (message,) = claim(core)
    with pytest.raises(Unavailable):
        broker.get_actor("webhook").fn("webhook", "extract", message.tenant_id, list(message.event_ids))
    queue = machine.queue_name("workflow", did.derive(shopify.tenant_id))
    assert broker.depths([queue])[queue].ready == 1
    assert [event.step for event in events("webhook")] == ["match", "match", "extract"]
    assert metrics.registry.get_sample_value(
        "dxflow_steps_total", {"workflow": "webhook", "step": "extract", "result": "moved"}
    ) == pytest.approx(2)


def _one_message_each(found: dict[str, Step]) -> dict[str, Step]:
    """Steps that prepare something of their own each, so that no chain runs on."""

    def preparing(whole: Step) -> Step:
        return Step(whole.apply, lambda *given: whole.prepare(*given), whole.on_failure)

    return {name: preparing(whole) for name, whole in found.items()}


@pytest.mark.parametrize("error", [Unavailable("gone"), StaleFence("late")])
def test_only_the_moment_was_wrong(
    core: Core, clock: HandClock, make_broker, valkey, shopify: Sender, error: Exception
) -> None:
    shopify.send("customers/create", customer())
    (message,) = claim(core)
    _ended(message, Dispatcher(core, make_broker(valkey)), error, RetryMiddleware(core))
    (event,) = events("webhook")
    assert (event.state, event.attempts, event.message_id) == ("received", 0, None)
    assert Outbox(core).due(10) == []
    clock.forward(1)
    assert len(Outbox(core).due(10)) == 1


def test_an_event_that_moved_on_is_left_to_the_message_that_has_it(
    core: Core, make_broker, valkey, shopify: Sender
) -> None:
    shopify.send("customers/create", customer())
    (message,) = claim(core)
    models.Event.update(step="match", message_id="another", state="running").where(
        models.Event.id == message.event_ids[0]
    ).execute()
    for error in (Unavailable("gone"), TransientError("away")):
        _ended(message, Dispatcher(core, make_broker(valkey)), error, RetryMiddleware(core))
        (event,) = events("webhook")
        assert (event.step, event.message_id, event.attempts) == ("match", "another", 0)


def test_the_failures_of_a_whole_message_are_counted(
    core: Core, make_broker, valkey, shopify: Sender
) -> None:
    shopify.send("customers/create", customer())
    (message,) = claim(core)
    metrics = Metrics()
    middleware = RetryMiddleware(core, metrics.count)
    _ended(message, Dispatcher(core, make_broker(valkey)), PermanentError("no"), middleware)
    (event,) = events("webhook")
    assert (event.state, event.error) == ("failed", "no")
    assert models.Notification.select().count() == 1
    labels = {"workflow": "webhook", "step": "extract", "share": "100"}
    assert metrics.registry.get_sample_value("dxflow_retry_alerts_total", labels) == pytest.approx(1)
