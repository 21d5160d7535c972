"""Real dx-agents for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg2
import pytest
from agents import Agent


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    """One for all tests of a module: each test comes as an engine of its own with tenants of its own."""
    yield from _running(Agent(tmp_path_factory.mktemp("agent") / "data dir"))


@pytest.fixture(scope="module")
def agent_on_postgresql(tmp_path_factory: pytest.TempPathFactory, postgresql: str) -> Iterator[Agent]:
    """One of two processes that keeps its logs in PostgreSQL."""
    connection = psycopg2.connect(postgresql)
    connection.autocommit = True
    connection.cursor().execute("CREATE DATABASE agent")
    connection.close()
    url = postgresql.replace("/postgres?", "/agent?")
    yield from _running(Agent(tmp_path_factory.mktemp("agent") / "data", database_url=url, web_workers=2))


def _running(server: Agent) -> Iterator[Agent]:
    try:
        yield server.start().ready()
    finally:
        server.close()
