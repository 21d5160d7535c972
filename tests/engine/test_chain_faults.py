"""Whatever fails, and wherever it strikes: every effect happens once."""

from __future__ import annotations

from collections import Counter

import pytest
from flow import HandClock, Sender, check_invariants, claim, customer, drain, events
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dxflow.engine import core as cores
from dxflow.engine import runner, steps
from dxflow.engine.core import Core
from dxflow.engine.errors import PermanentError, TransientError, Unavailable
from dxflow.engine.outbox import Outbox
from dxflow.engine.runner import Report
from dxflow.engine.services import tenants
from dxflow.engine.steps import Outcome, Step
from dxflow.engine.store import Store, models

WHOLE = steps.STEPS
STEPS = ("extract", "match", "log", "consent", "derive", "link", "publish", "register", "record")
CONSENTING = {
    "email_marketing_consent": {"state": "subscribed", "consent_updated_at": "2026-02-01T10:00:00Z"}
}

FAULTS = st.dictionaries(
    st.tuples(st.sampled_from(STEPS), st.integers(1, 5)),
    st.sampled_from([TransientError("away"), PermanentError("no"), ValueError("?"), Unavailable("gone")]),
    max_size=6,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(faults=FAULTS, slice_=st.sampled_from([0.0, 0.025]))
def test_whatever_fails_every_effect_happens_once(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    faults: dict[tuple[str, int], Exception],
    slice_: float,
) -> None:
    """A fault strikes a step the n-th time it runs; a message that couldn't run on comes again."""
    monkeypatch.setattr(runner, "SLICE", slice_)
    monkeypatch.setattr(steps, "STEPS", WHOLE)
    clock = HandClock()
    with Store(f"sqlite:///{tmp_path_factory.mktemp('chain') / 'dxflow.db'}") as store:
        store.migrate()
        core = cores.build(store, b"k" * 32, host="dxflow.example", clock=clock)
        senders = [Sender(core, tenants.create(core, f"Shop {n}", "DE").controller.id) for n in range(2)]
        drain(core)
        monkeypatch.setattr(steps, "STEPS", _striking(faults))
        for number in range(4):
            senders[number % 2].send("customers/create", customer(number, **CONSENTING))
        _persist(core, clock)
        check_invariants(core)
        given_up = [event for event in events() if event.state == "failed"]
        assert {event.state for event in events()} <= {"done", "failed"}
        assert len(given_up) <= sum(isinstance(fault, PermanentError) for fault in faults.values())
        if not given_up:
            written = (models.DataSubject, models.ProcessingActivity, models.Consent, models.Registration)
            assert [table.select().count() for table in written] == [4, 4, 4, 4]


def _striking(faults: dict[tuple[str, int], Exception]) -> dict[str, dict[str, Step]]:
    ran = Counter[str]()

    def struck(name: str, whole: Step) -> Step:
        def apply(core: Core, event: models.Event, prepared: steps.Prepared) -> Outcome:
            outcome = whole.apply(core, event, prepared)
            ran[name] += 1
            if (name, ran[name]) in faults:
                raise faults[name, ran[name]]
            return outcome

        return Step(apply, whole.prepare, whole.on_failure)

    return {
        workflow: {name: struck(name, whole) for name, whole in found.items()}
        for workflow, found in WHOLE.items()
    }


def _persist(core: Core, clock: HandClock) -> None:
    """Run what is due as the actors do, until nothing is under way."""
    for _ in range(100):
        queue = claim(core)
        while queue:
            dispatch, report = queue.pop(0), Report()
            fence = core.log.fence(dispatch.tenant_id) if dispatch.step == "register" else None
            try:
                runner.run_step(core, dispatch.workflow, dispatch.step, dispatch.event_ids, fence, report)
            except Unavailable:
                Outbox(core).postpone(dispatch.message_id, dispatch.event_ids, 1)
            queue += report.follow_ups
        if Outbox(core).next_due() is None:
            return
        clock.forward(60)
    raise AssertionError("the workflows never come to rest")
