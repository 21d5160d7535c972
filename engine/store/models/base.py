"""What all tables have in common, and what those of one data controller have on top."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NoReturn, Self, TypeVar, cast

import peewee

from ...errors import Trespass
from .. import scope

database = peewee.DatabaseProxy()
"""Set by ``Store``; models carry no connection of their own."""

TENANT = "tenant_id"

Q = TypeVar("Q")


class _Select(peewee.ModelSelect):
    """A SELECT that takes a tenant's table in with the scope's rows alone."""

    def join(  # type: ignore[override]  # as Peewee's own overrides its base's
        self, dest: Any, join_type: str = peewee.JOIN.INNER, on: Any = None, src: Any = None, attr: Any = None
    ) -> Self:
        """As Peewee's."""
        held = bound(dest)
        within = on if held is None else on & (dest.tenant_id == held)
        return super().join(dest, join_type, on=within, src=src, attr=attr)


class Row(peewee.Model):
    """Common ground of all tables."""

    class Meta:
        database = database
        legacy_table_names = False

    @classmethod
    def select(cls, *fields: Any) -> peewee.ModelSelect[Self]:
        """As Peewee's."""
        query = _Select(cls, fields or cls._meta.sorted_fields, is_default=not fields)
        return cast("peewee.ModelSelect[Self]", query)


def _refuse(model: type[peewee.Model], /, *_: object, **__: object) -> NoReturn:
    raise Trespass(f"{model.__name__}: only select, update, delete and insert carry the tenant")


_refused: Any = classmethod(_refuse)


class TenantRow(Row):
    """A row of one data controller: its queries carry the tenant of the scope (``scope.tenant``) by themselves.

    Each raises Trespass where nobody said whose rows it is about. Another tenant's row isn't found by reading,
    changing and deleting, and writing one raises.
    """

    @classmethod
    def select(cls, *fields: Any) -> peewee.ModelSelect[Self]:
        """Read the scope's rows."""
        return _within(cls, super().select(*fields))

    @classmethod
    def update(cls, __data: Any = None, /, **changes: Any) -> peewee.ModelUpdate:
        """Change the scope's rows."""
        require_own(cls, _tenants(__data, changes))
        return _within(cls, super().update(__data, **changes))

    @classmethod
    def delete(cls) -> peewee.ModelDelete:
        """Delete the scope's rows."""
        return _within(cls, peewee.ModelDelete(cls))

    @classmethod
    def insert(cls, __data: Any = None, /, **values: Any) -> peewee.ModelInsert:
        """Insert a row of the scope."""
        require_own(cls, _tenants(__data, values))
        return super().insert(__data, **values)

    alias = raw = insert_many = insert_from = replace = replace_many = bulk_create = bulk_update = _refused
    """Peewee's other ways to a table would go around the scope; nothing here takes them."""


def bound(model: type[peewee.Model]) -> str | None:
    """The tenant that a query on this table must carry; None where it carries none. Raises Trespass."""
    return scope.tenant() if issubclass(model, TenantRow) else None


def require_own(model: type[peewee.Model], tenant_ids: Iterable[Any]) -> None:
    """Raises Trespass unless all of these are the tenant of the scope."""
    held = bound(model)
    if held is not None and any(str(one) != held for one in tenant_ids):
        raise Trespass(f"{model.__name__}: a row of another tenant than the scope's can't be written")


def tables(kind: type[Row] = Row) -> list[type[Row]]:
    """Every table (no views) whose rows are of this kind."""
    return [model for model in _below(kind) if model.__base__ in (Row, TenantRow) and model is not TenantRow]


def _below(kind: type[Row]) -> Iterator[type[Row]]:
    for model in kind.__subclasses__():
        yield model
        yield from _below(model)


def _tenants(*rows: Any) -> list[Any]:
    """What is to be written as tenant; keys are names or fields."""
    pairs = (pair for row in rows if row for pair in row.items())
    return [value for key, value in pairs if getattr(key, "name", key) == TENANT]


def _within(model: Any, query: Q) -> Q:
    held, narrow = scope.tenant(), cast("Any", query)
    return query if held is None else cast("Q", narrow.where(model.tenant_id == held))
