"""Statements written once and kept: the few shapes that every event runs through.

Peewee builds each query's text anew, which costs several times what SQLite needs to run it. These functions
take the same models, columns and value conversions, and keep the text. Equality and single rows only; anything
richer is a Peewee query. Like those, they carry the tenant of the scope (``models.TenantRow``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, TypeVar

import peewee

from .fields import BytesField, IdField, MomentField
from .models.base import TENANT, bound, require_own

M = TypeVar("M", bound=peewee.Model)

_ROWS = 64
"""Rows of one INSERT; on both databases more gain nothing."""


def insert(model: type[peewee.Model], row: Mapping[str, Any], *, ignore: bool = False) -> int:
    """Insert one row; how many were written. With ``ignore`` a row that breaks a UNIQUE key counts 0."""
    require_own(model, (row.get(TENANT),))
    names = tuple(row)
    return int(_run(model, _insert_text(model, _mark(model), names, ignore), names, row.values()).rowcount)


def insert_all(model: type[peewee.Model], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows of one shape, many with each statement."""
    if rows:
        names = tuple(rows[0])
        insert_rows(model, names, [[row[name] for name in names] for row in rows])


def insert_rows(model: type[peewee.Model], names: tuple[str, ...], rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows given as the values of these columns, many with each statement."""
    require_own(model, {row[names.index(TENANT)] for row in rows} if TENANT in names else ())
    for first in range(0, len(rows), _ROWS):
        part = rows[first : first + _ROWS]
        text = _insert_text(model, _mark(model), names, False, len(part))
        _run(model, text, names * len(part), chain.from_iterable(part))


def update(model: type[peewee.Model], where: Mapping[str, Any], changes: Mapping[str, Any]) -> int:
    """Set ``changes`` where every column of ``where`` equals its value; how many rows there were."""
    if TENANT in changes:
        require_own(model, (changes[TENANT],))
    sets, (keys, values) = tuple(changes), _within(model, where)
    text = _update_text(model, _mark(model), sets, keys)
    return int(_run(model, text, (*sets, *keys), (*changes.values(), *values)).rowcount)


def get(model: type[M], **where: Any) -> M | None:
    """The row whose columns equal these values, or None."""
    return next(iter(_select(model, where)), None)


def lock(model: type[M], **where: Any) -> M | None:
    """Like ``get``, and nobody else changes the row until this transaction ends (on SQLite nobody can)."""
    tail = "" if _mark(model) == "?" else " FOR UPDATE"
    return next(iter(_select(model, where, tail)), None)


def put(model: type[peewee.Model], row: Mapping[str, Any], *key: str) -> None:
    """Insert the row, or set its other columns where one with this UNIQUE ``key`` is there; of a tenant's table
    the tenant is a part of the key."""
    require_own(model, (row.get(TENANT) if TENANT in key else None,))
    names = tuple(row)
    _run(model, _put_text(model, _mark(model), names, key), names, row.values())


def by_ids(model: type[M], ids: Iterable[Any], *, key: str = "id", **where: Any) -> dict[str, M]:
    """Rows by their ``key``, one query for all of them."""
    wanted = list(dict.fromkeys(ids))
    if not wanted:
        return {}
    names, values = _within(model, where)
    text = _many_text(model, _mark(model), key, len(wanted), names)
    found = _rows(model, _run(model, text, (*[key] * len(wanted), *names), (*wanted, *values)))
    return {vars(row)["__data__"][key]: row for row in found}


def newer(model: type[M], seq: int, **where: Any) -> list[M]:
    """The rows after ``seq`` whose columns equal these values, oldest first."""
    keys, values = _within(model, where)
    text = _newer_text(model, _mark(model), keys)
    return _rows(model, _run(model, text, (*keys, "seq"), (*values, seq)))


def _select(model: type[M], where: Mapping[str, Any], tail: str = "") -> list[M]:
    keys, values = _within(model, where)
    return _rows(model, _run(model, _select_text(model, _mark(model), keys, tail), keys, values))


def _within(model: type[peewee.Model], where: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """The columns that must equal these values, and with them the tenant of the scope."""
    held = bound(model)
    if held is None or where.get(TENANT) == held:
        return tuple(where), tuple(where.values())
    return (*where, TENANT), (*where.values(), held)


def _rows(model: type[M], cursor: Any) -> list[M]:
    """Instances as read, not as changed; setting their fields one by one would cost more than the query."""
    names, readers = _readers(model)
    rows = []
    for values in cursor.fetchall():
        row = model(__no_default__=True)
        read = [
            value if value is None else reader(value) for reader, value in zip(readers, values, strict=True)
        ]
        vars(row)["__data__"].update(zip(names, read, strict=True))
        rows.append(row)
    return rows


def _run(model: type[peewee.Model], text: str, names: Sequence[str], values: Iterable[Any]) -> Any:
    written = [
        value if type(value) is kept or value is None else writer(value)
        for (kept, writer), value in zip(_writers(model, tuple(names)), values, strict=True)
    ]
    return model._meta.database.execute_sql(text, written)


Convert = Callable[[Any], Any]


@lru_cache(maxsize=512)
def _writers(model: type[peewee.Model], names: tuple[str, ...]) -> tuple[tuple[type, Convert], ...]:
    """For each column the type that it keeps as it is, and the conversion of any other."""
    fields = [model._meta.fields[name] for name in names]
    return tuple((_kept(field), field.db_value) for field in fields)


def _kept(field: peewee.Field) -> type:
    if isinstance(field, peewee.CharField | peewee.TextField | IdField | MomentField):
        return str
    if isinstance(field, BytesField):
        return bytes
    return int if isinstance(field, peewee.IntegerField) else type(None)


@lru_cache(maxsize=64)
def _readers(model: type[peewee.Model]) -> tuple[tuple[str, ...], tuple[Convert, ...]]:
    fields = model._meta.sorted_fields
    return tuple(field.name for field in fields), tuple(field.python_value for field in fields)


# The texts name tables and columns of our own models only; every value is a parameter.


@lru_cache(maxsize=512)
def _insert_text(
    model: type[peewee.Model], mark: str, names: tuple[str, ...], ignore: bool, rows: int = 1
) -> str:
    marks = ", ".join([f"({', '.join([mark] * len(names))})"] * rows)
    tail = " ON CONFLICT DO NOTHING" if ignore else ""
    return f"INSERT INTO {_table(model)} ({', '.join(names)}) VALUES {marks}{tail}"


@lru_cache(maxsize=512)
def _update_text(model: type[peewee.Model], mark: str, sets: tuple[str, ...], keys: tuple[str, ...]) -> str:
    changes = ", ".join(f"{name} = {mark}" for name in sets)
    return f"UPDATE {_table(model)} SET {changes} WHERE {_equal(keys, mark)}"


@lru_cache(maxsize=512)
def _select_text(model: type[peewee.Model], mark: str, keys: tuple[str, ...], tail: str) -> str:
    return f"SELECT {_columns(model)} FROM {_table(model)} WHERE {_equal(keys, mark)}{tail}"


@lru_cache(maxsize=512)
def _newer_text(model: type[peewee.Model], mark: str, keys: tuple[str, ...]) -> str:
    conditions = f"{_equal(keys, mark)} AND seq > {mark}"
    return f"SELECT {_columns(model)} FROM {_table(model)} WHERE {conditions} ORDER BY seq"


@lru_cache(maxsize=512)
def _many_text(model: type[peewee.Model], mark: str, key: str, count: int, keys: tuple[str, ...]) -> str:
    conditions = " AND ".join([f"{key} IN ({', '.join([mark] * count)})", *(f"{k} = {mark}" for k in keys)])
    return f"SELECT {_columns(model)} FROM {_table(model)} WHERE {conditions}"


@lru_cache(maxsize=512)
def _put_text(model: type[peewee.Model], mark: str, names: tuple[str, ...], key: tuple[str, ...]) -> str:
    changes = ", ".join(f"{name} = excluded.{name}" for name in names if name not in key)
    insertion = _insert_text(model, mark, names, False)
    return f"{insertion} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}"


def _columns(model: type[peewee.Model]) -> str:
    return ", ".join(field.column_name for field in model._meta.sorted_fields)


def _equal(keys: Sequence[str], mark: str) -> str:
    return " AND ".join(f"{name} = {mark}" for name in keys)


def _table(model: type[peewee.Model]) -> str:
    return str(model._meta.table_name)


def _mark(model: type[peewee.Model]) -> str:
    return str(model._meta.database.param)
