"""Dispatches become messages under the names that operators look for."""

from __future__ import annotations

import uuid

import pytest

from dxflow.actors.broker.names import check_queue_name
from dxflow.actors.dispatcher import Dispatcher
from dxflow.engine.core import Core
from dxflow.engine.identity import did
from dxflow.engine.outbox import Dispatch


def _queue_of(core: Core, make_broker, valkey, tenant_id: str) -> str:
    dispatch = Dispatch(str(uuid.uuid4()), tenant_id, "data_controller", "derive", (str(uuid.uuid4()),))
    return str(Dispatcher(core, make_broker(valkey)).message(dispatch).options["tenant_queue"])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_tenant_from_plain_sql_has_its_own_queue_before_its_first_step(core, make_broker, valkey):
    tenant_id = str(uuid.uuid4())
    assert _queue_of(core, make_broker, valkey, tenant_id) == f"workflow_queue_{did.derive(tenant_id)}"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_tenant_whose_id_is_no_uuid_keeps_nobody_else_waiting(core, make_broker, valkey):
    names = [_queue_of(core, make_broker, valkey, tenant_id) for tenant_id in ("not a uuid", "x")]
    for name in names:
        check_queue_name(name)
    assert len(set(names)) == 2
