"""docs/access.md's tables, drawn from the matrix, the gate and the commands: ``make access`` writes them."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from callers import Around

import dxflow.run  # noqa: F401  # declares the commands
from dxflow.config.commands import OPERATOR, RULES
from dxflow.engine import core as cores
from dxflow.engine.access.roles import MATRIX, Permission, Role, scopes_with
from dxflow.engine.core import Core
from dxflow.engine.store import Store, scope
from dxflow.http.app import HttpSettings, Outside, assemble
from dxflow.http.gate import Door

PAGE = Path(__file__).parents[1] / "docs" / "access.md"


def matrix() -> list[str]:
    """The matrix as the page's table."""
    names = [role.replace("_", " ") for role in Role]
    lines = [f"| permission | {' | '.join(names)} | scope |", "|---" * (len(names) + 2) + "|"]
    for permission in Permission:
        marks = ["●" if permission in MATRIX[role] else "" for role in Role]
        scopes = ", ".join(scopes_with(permission)[:1])
        lines.append(f"| `{permission}` | {' | '.join(marks)} | {scopes} |")
    return lines


def ways(core: Core) -> list[str]:
    """What each permission opens, as the page's table."""
    around = Around()
    _, gate = assemble(core, Outside(around.read, around.checks), HttpSettings(1000, "http://edge.example"))
    lines = ["| permission | API and SCIM | dashboard | commands |", "|---|---|---|---|"]
    for permission in [*Permission, OPERATOR]:
        routes = [route for route in gate.routes() if route.rule.permission == permission]
        api = [f"`{route.method} {route.path}`" for route in routes if route.rule.door is Door.KEY]
        pages = [
            f"`{route.method} {route.path}`"
            for route in routes
            if route.rule.door in (Door.SESSION, Door.AUDITOR)
        ]
        commands = [f"`{name}`" for name, takes in sorted(RULES.items()) if takes == permission]
        cells = [" ".join(sorted(cell)) for cell in (api, pages, commands)]
        lines.append(f"| `{permission}` | {' | '.join(cells)} |")
    return lines


@scope.everyone("draws a page")
def write() -> None:
    """Put the tables as they are now into the page, in place of those that begin with the same line."""
    text = PAGE.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as home, Store(f"sqlite:///{home}/x.db") as store:
        store.migrate()
        for table in (matrix(), ways(cores.build(store, b"k" * 32, host="dxflow.example"))):
            old = re.compile(re.escape(table[0]) + r"\n(\|.*\n)*")
            text = old.sub(lambda _, new=table: "\n".join(new) + "\n", text)
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
