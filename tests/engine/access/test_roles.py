"""The matrix itself, and what API keys and commands make of it."""

from __future__ import annotations

import pytest
import typer

from dxflow.config import commands
from dxflow.config.commands import OPERATOR, command, group
from dxflow.engine.access import roles
from dxflow.engine.access.roles import MATRIX, Permission, Role, Scope
from dxflow.engine.errors import Forbidden, Invalid


def test_every_role_stands_in_the_matrix_and_every_permission_is_somebodys() -> None:
    assert set(MATRIX) == set(Role)
    assert frozenset().union(*MATRIX.values()) == set(Permission) == MATRIX[Role.OWNER]


def test_owners_alone_make_owners_and_nobody_below_reaches_above() -> None:
    for role in Role:
        above = [other for other in Role if not MATRIX[other] <= MATRIX[role]]
        for other in above:
            with pytest.raises(Forbidden, match=other):
                roles.require_reach(MATRIX[role], other)
        assert (Role.OWNER in above) == (role is not Role.OWNER)


def test_an_auditor_changes_nothing() -> None:
    assert MATRIX[Role.AUDITOR] == {Permission.LOOK, Permission.OWN_ACCOUNT, Permission.READ_USERS}


def test_every_permission_but_that_over_oneself_belongs_to_a_scope() -> None:
    reached = roles.of_scopes(Scope)
    assert set(Permission) - reached == {Permission.OWN_ACCOUNT}
    for permission in reached:
        assert permission in roles.of_scopes(roles.scopes_with(permission)[:1])


def test_a_scope_nobody_knows_adds_nothing() -> None:
    assert roles.of_scopes(["root", "", "READ"]) == frozenset()


def test_an_unknown_role_is_refused_with_what_is_allowed() -> None:
    with pytest.raises(Invalid, match="business_owner"):
        roles.known("king")


def test_a_command_without_a_rule_cannot_be_declared() -> None:
    with pytest.raises(TypeError):
        command(group("g", "G."), "free")  # type: ignore[call-arg]
    for takes, tenant in (("", True), (Permission.LOOK, False)):
        with pytest.raises(ValueError, match="free"):
            command(group("g", "G."), "free", takes=takes, tenant=tenant)


def test_every_command_takes_a_permission_that_there_is_or_the_operator() -> None:
    import dxflow.run  # declares them

    found = set(_names(typer.main.get_command(dxflow.run.app)))
    assert found == set(commands.RULES)
    assert set(commands.RULES.values()) <= {OPERATOR, *Permission}
    assert commands.RULES["event replay"] == Permission.ACT
    assert commands.RULES["keyring rotate"] == OPERATOR


def _names(program: typer.core.TyperGroup | object, before: str = "") -> list[str]:
    names = []
    for name, inner in getattr(program, "commands", {}).items():
        path = f"{before} {name}".strip()
        names += _names(inner, path) if hasattr(inner, "commands") else [path]
    return names
