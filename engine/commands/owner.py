"""Whose data a command is about."""

from __future__ import annotations

from ...config.commands import Run
from ..core import Core
from ..services import tenants, upkeep
from ..wiring import core_for


def one_tenant(run: Run) -> tuple[Core, str]:
    """The tenant that ``--tenant`` names, or the only one there is."""
    return core_for(run.settings), upkeep.tenant_or_only(run.tenant).id


def one_or_all(run: Run) -> tuple[Core, str | None]:
    """The tenant that ``--tenant`` names, or None for all of them."""
    return core_for(run.settings), tenants.find(run.tenant).id if run.tenant else None
