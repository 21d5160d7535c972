"""Lists of users and groups (RFC 7644 section 3.4.2).

What the database can find it finds: everything, and equality of ``id``, ``externalId``, ``userName`` and
``displayName``, also several of them joined. Any other filter, and any order, looks at each row that is left,
a page at a time, and at no more than ``MOST_SCANNED``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import Any, Generic, TypeVar

from scim2_models import Resource, SearchRequest
from scim2_models.path import CompareOperator, Comparison, FilterNode, LogicalExpr, LogicalOperator

from ..errors import Refused
from .directory import Directory

DEFAULT_COUNT, MOST_COUNTED = 100, 200
MOST_SCANNED = 10_000
_PAGE = 500

Row = TypeVar("Row")
Finder = Callable[[Directory, str], Any]
"""The condition under which a row has this value."""


@dataclass(frozen=True, slots=True)
class Kind(Generic[Row]):
    """A table of resources: its model, what makes resources of its rows for an answer (perhaps of the first
    ones only) and of all of them for a filter to look at, and by which attributes the database finds them."""

    model: Any
    schema: str
    view: Callable[[Directory, Sequence[Row]], Sequence[Resource[Any]]]
    look: Callable[[Directory, Sequence[Row]], Sequence[Resource[Any]]]
    finders: dict[str, Finder]


@dataclass(frozen=True, slots=True)
class Listed(Generic[Row]):
    """A page: how many there are in all, where it begins, its rows and what they say."""

    total: int
    start: int
    rows: list[Row]
    resources: list[Resource[Any]]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the database looks for; ``exact`` when that is all there is to look for."""

    condition: Any
    exact: bool


def find(directory: Directory, kind: Kind[Row], asked: SearchRequest[Any]) -> Listed[Row]:
    """The page that was asked for; beyond the last row it is empty. Raises Refused."""
    model = kind.model
    plan = _plan(directory, kind, asked.filter.ast) if asked.filter is not None else _Plan(None, exact=True)
    query = model.select().where(model.tenant_id == directory.tenant_id)
    if plan is not None and plan.condition is not None:
        query = query.where(plan.condition)
    start, count = asked.start_index or 1, DEFAULT_COUNT if asked.count is None else asked.count
    count = min(count, MOST_COUNTED)
    if plan is not None and plan.exact and asked.sort_by is None:
        total = int(query.count())
        rows = _cut(query.order_by(model.created_at, model.id), total, start, count)
    else:
        found = _scan(directory, kind, query, asked)
        total, rows = len(found), found[start - 1 : start - 1 + count] if start <= len(found) else []
    resources = list(kind.view(directory, rows)) if rows else []
    return Listed(total, start, rows[: len(resources)], resources)


def _cut(query: Any, total: int, start: int, count: int) -> list[Any]:
    if start > total or not count:
        return []
    return list(query.offset(start - 1).limit(count))


def _scan(directory: Directory, kind: Kind[Row], query: Any, asked: SearchRequest[Any]) -> list[Row]:
    """Every row that the filter lets through, in the order that was asked for."""
    if query.count() > MOST_SCANNED:
        detail = f"this would look at more than {MOST_SCANNED} resources; ask for id, externalId or the name"
        raise Refused("tooMany", detail)
    found: list[tuple[Any, Row]] = []
    for page in _pages(kind, query):
        for row, resource in zip(page, kind.look(directory, page), strict=True):
            if asked.filter is None or asked.filter.match(resource):
                found.append((asked.sort_value(resource), row))
    found.sort(key=lambda one: _age(one[1]))
    if asked.sort_by is not None:
        falling = asked.sort_order == SearchRequest.SortOrder.descending
        found.sort(key=lambda one: (one[0] is None, "" if one[0] is None else one[0]), reverse=falling)
    return [row for _, row in found]


def _age(row: Any) -> tuple[Any, str]:
    return row.created_at, row.id


def _pages(kind: Kind[Row], query: Any) -> Iterator[list[Row]]:
    model, last = kind.model, None
    while True:
        rest = query if last is None else query.where(model.id > last)
        page = list(rest.order_by(model.id).limit(_PAGE))
        if not page:
            return
        yield page
        last = page[-1].id


def _plan(directory: Directory, kind: Kind[Any], node: FilterNode) -> _Plan | None:
    """What of a filter the database can look for; None for nothing."""
    if isinstance(node, Comparison):
        condition = _condition(directory, kind, node)
        return None if condition is None else _Plan(condition, exact=True)
    if not isinstance(node, LogicalExpr):
        return None
    plans = [_plan(directory, kind, term) for term in node.terms]
    made = [plan for plan in plans if plan is not None]
    exact = len(made) == len(plans) and all(plan.exact for plan in made)
    if node.op == LogicalOperator.and_ and made:
        return _Plan(reduce(and_, [plan.condition for plan in made]), exact)
    if node.op == LogicalOperator.or_ and len(made) == len(plans):
        return _Plan(reduce(or_, [plan.condition for plan in made]), exact)
    return None


def _condition(directory: Directory, kind: Kind[Any], node: Comparison) -> Any:
    path = node.attr_path
    name = path.attr if path.sub_attr is None else f"{path.attr}.{path.sub_attr}"
    finder = kind.finders.get(name.lower())
    is_ours = path.uri is None or path.uri.lower() == kind.schema.lower()
    if finder is None or not is_ours or node.op != CompareOperator.eq or not isinstance(node.value, str):
        return None
    return finder(directory, node.value)
