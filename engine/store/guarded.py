"""PostgreSQL sessions that say whose rows they may reach, so that row-level security stands behind the scope.

The policies (``migrations.isolation``) read the setting ``dxflow.tenant``. It travels with the next statement
that touches rows after the scope has changed, and costs no round trip. A rollback undoes the setting too, so
whatever ends a transaction, or a part of it, makes this forget what it said.
"""

from __future__ import annotations

import threading
from typing import Any

import peewee
from typing_extensions import override

from . import scope

_TOUCHES_ROWS = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "(")


class GuardedPostgresql(peewee.PostgresqlDatabase):
    """Peewee's, whose statements run under the scope of their thread."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._said = _Said()

    def _initialize_connection(self, conn: Any) -> None:
        """A new session belongs to nobody, also after it has rolled everything back."""
        with conn.cursor() as cursor:
            cursor.execute(f"SET dxflow.tenant = '{scope.NOBODY}'")
        self._said.scope = scope.NOBODY

    @override
    def execute_sql(self, sql: str, params: Any = None) -> Any:
        """Run a statement, under the present scope where it touches rows."""
        run: Any = super().execute_sql
        statement, held = sql.lstrip(), scope.current()
        if self.is_closed():
            self.connect()
        if statement[:6].upper().startswith(_TOUCHES_ROWS) and self._said.scope != held:
            self._said.scope = None  # until it is known to have arrived
            cursor = run(f"SET dxflow.tenant = '{held}'; {statement}", params)
            self._said.scope = held
            return cursor
        if statement.startswith("ROLLBACK"):  # to a savepoint
            self._said.scope = None
        return run(sql, params)

    @override
    def commit(self) -> None:
        """What ends here may have been undone without a word, if a statement in it failed."""
        self._said.scope = None
        super().commit()

    @override
    def rollback(self) -> None:
        """Undoes the setting with everything else."""
        self._said.scope = None
        super().rollback()


class _Said(threading.local):
    """What this thread's session was told last; None when that isn't known."""

    scope: str | None = None
