"""Two calls to an agent about one request, at once."""

from __future__ import annotations

from flow import drain, seeing

from dxflow.engine.core import Core
from dxflow.engine.desk import actions
from dxflow.engine.store import models

from .conftest import Ask, Listener


def test_after_two_calls_at_once_the_agent_is_told_once_more(
    able: Core, ask: Ask, listener: Listener
) -> None:
    """The first call is answered, and heard, after the second one: without another word its old news stand."""
    request = ask()
    actions.hold(able, request.tenant_id, request.id, "user:1", "clarification")

    def meanwhile() -> None:
        mine = (able, request.tenant_id, request.id, "user:1")
        actions.reject(*mine, "no_match", told_otherwise="by letter")
        drain(able)
        able.store.close()

    listener.during = seeing(meanwhile)
    drain(able)
    assert listener.heard == ["denied", "in_progress", "denied"]
    assert {row.state for row in models.StatusCallback.select()} == {"delivered"}
