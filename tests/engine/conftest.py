"""What the engine's tests share: a store that is emptied instead of made anew, connectors that deliver signed
bodies, and a way to break a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from flow import Sender

from dxflow.engine import steps
from dxflow.engine.core import Core
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.steps import Outcome, Step
from dxflow.engine.store import models

Break = Callable[..., None]


@pytest.fixture
def shopify(core: Core, tenant: NewTenant) -> Sender:
    """A Shopify connector of the tenant."""
    return Sender(core, tenant.controller.id)


@pytest.fixture
def connect(core: Core, tenant: NewTenant) -> Callable[..., Sender]:
    """Makes a connector of the tenant for a platform, with options."""

    def make(platform: str, **options: str) -> Sender:
        return Sender(core, tenant.controller.id, platform, options)

    return make


@pytest.fixture
def breaking(monkeypatch: pytest.MonkeyPatch) -> Break:
    """``breaking("webhook", "log", error, when=…)``: that step raises the error after it did its work.

    ``when`` chooses events; without it every event of the step is hit.
    """
    original = {workflow: dict(found) for workflow, found in steps.STEPS.items()}
    changed: dict[str, Mapping[str, Step]] = dict(original)
    monkeypatch.setattr(steps, "STEPS", changed)

    def break_step(
        workflow: str,
        step: str,
        error: BaseException,
        when: Callable[[models.Event], bool] = lambda _: True,
    ) -> None:
        whole = original[workflow][step]

        def apply(core: Core, event: models.Event, prepared: Mapping[str, object]) -> Outcome:
            outcome = whole.apply(core, event, prepared)
            if when(event):
                raise error
            return outcome

        changed[workflow] = {**changed[workflow], step: Step(apply, whole.prepare, whole.on_failure)}

    return break_step
