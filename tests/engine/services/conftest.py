"""Somebody who signs in with a password."""

from __future__ import annotations

import pytest

from dxflow.engine.core import Core
from dxflow.engine.services.people import passwords, users
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

EMAIL, PASSWORD = "dpo@acme.example", "four plain words together"


@pytest.fixture
def user(core: Core, tenant: NewTenant) -> models.User:
    """A user at EMAIL who chose PASSWORD."""
    return users.create(core, tenant.controller.id, EMAIL, "dpo", password=PASSWORD)[0]


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hashes that passwords are held against from here on; none fits."""
    asked: list[str] = []

    def verified(stored: str, given: bytes) -> bool:
        del given
        asked.append(stored)
        return False

    monkeypatch.setattr(passwords, "_verified", verified)
    return asked
