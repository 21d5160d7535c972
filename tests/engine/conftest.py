"""What the engine's tests share: a store that is emptied instead of made anew, connectors that deliver signed
bodies, and a way to break a step."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from databases import ROLE, as_role, as_superuser, execute
from flow import Sender

from dxflow.engine import steps
from dxflow.engine.core import Core
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.steps import Outcome, Step
from dxflow.engine.store import Store, models

Break = Callable[..., None]


@pytest.fixture(scope="session")
def shared_postgresql(postgresql: str) -> str:
    """The address of one migrated database for all of these tests: making one takes longer than most tests."""
    address = as_role(postgresql, "shared")
    execute(postgresql, f"CREATE DATABASE shared OWNER {ROLE}")
    with Store(address) as store:
        store.migrate()
    return address


@pytest.fixture
def emptied_postgresql(postgresql: str, shared_postgresql: str) -> str:
    """That database without a row. As a replica it neither refuses deletions nor captures them."""
    tables = [model._meta.table_name for model in models.tables()]
    deletions = [f"DELETE FROM {table}" for table in tables]
    above_all = as_superuser(postgresql, "shared")
    execute(above_all, "SET session_replication_role = replica; " + "; ".join(deletions))
    return shared_postgresql


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A migrated store without a row, on each database. Neither waits for the disk: these tests never crash."""
    if request.param == "sqlite":
        path = tmp_path / "dx flow.db"
        shutil.copy(request.getfixturevalue("migrated_sqlite"), path)
        address = f"sqlite:///{path}"
    else:
        address = str(request.getfixturevalue("emptied_postgresql"))
    with Store(address) as opened:
        if request.param == "sqlite":
            opened.database.pragma("synchronous", "off", permanent=True)
        opened.migrate()
        yield opened


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
