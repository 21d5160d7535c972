"""Installations that anchor on a real chain of this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import chains
import pytest
from anchored import anchoring
from chains import Chain, Proxy, anvil, running

from dxflow.engine.anchoring import Anchors
from dxflow.engine.core import Core
from dxflow.engine.identity.keys import INSTALLATION
from dxflow.engine.ledger.log import Leaf
from dxflow.engine.services.audit import covering
from dxflow.engine.services.tenants import NewTenant


@pytest.fixture(scope="session")
def anvil_program() -> Path:
    """Without it the reason is told."""
    program, why = anvil()
    if program is None:
        pytest.skip(why)
    return program


@pytest.fixture
def chain(anvil_program: Path) -> Iterator[Chain]:
    """A chain that makes a block of every transaction at once."""
    with running(Chain(anvil_program)) as chain:
        yield chain


proxy = chains.proxy


@pytest.fixture
def anchors(core: Core, chain: Chain, proxy: Proxy) -> Anchors:
    """The anchors of the core, behind the proxy; their account has some money. Three blocks confirm."""
    made = anchoring(core, proxy.url)
    chain.fund(made.account.address)
    return made


@pytest.fixture
def grow(core: Core, tenant: NewTenant) -> Callable[[], str]:
    """Makes the tenant's log longer, covers it, and returns the installation's root."""

    def more() -> str:
        with core.store.transaction():
            core.log.append(tenant.controller.id, [Leaf("test", {})])
        covering.cover(core)
        return str(core.log.head(INSTALLATION).root)

    return more
