"""The table's own rules."""

from __future__ import annotations

import pytest

from dxflow.engine.access.roles import Permission
from dxflow.http.api import operation
from dxflow.http.api.values import Nothing


def test_an_operation_without_a_permission_cannot_be_declared() -> None:
    def handler(call: object) -> Nothing:
        return Nothing()

    with pytest.raises(TypeError, match="permission"):
        operation.get("/open", handler=handler, summary="Open", query=Nothing, answer=Nothing)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="permission"):
        operation.get("/open", Permission.OWN_ACCOUNT, handler, "Open", query=Nothing, answer=Nothing)
