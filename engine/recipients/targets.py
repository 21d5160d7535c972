"""Who has a person's data: each connector through which they came, and as whom they are known to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..store import models
from . import RECIPIENTS
from .base import Target

BY_API, BY_HAND = "api", "by_hand"


@dataclass(frozen=True, slots=True)
class Known:
    """By what a person is known: ``ids`` are pairs of scope and id (``platforms.base.Person``)."""

    emails: frozenset[str]
    phones: frozenset[str]
    ids: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Addressed:
    """One recipient, as whom the person is known there, and how it is asked."""

    connector_id: str
    platform: str
    target: Target
    how: str


def addressed(tenant_id: str, subject_ids: Sequence[str], known: Known) -> list[Addressed]:
    """Every connector that knows the person by an id, or through which one of their deliveries came."""
    connector, api = models.Connector, models.ConnectorApi
    through = _through(tenant_id, subject_ids)
    callable_ = {row.connector_id for row in api.select(api.connector_id).where(api.tenant_id == tenant_id)}
    rows = (
        connector.select()
        .where(connector.tenant_id == tenant_id)
        .order_by(connector.created_at, connector.id)
    )
    found = []
    for row in rows:
        target = _target(row, known)
        if target.ids or row.id in through:
            able = row.id in callable_ and row.platform in RECIPIENTS
            found.append(Addressed(row.id, row.platform, target, BY_API if able else BY_HAND))
    return found


def changed(target: Target, changes: Mapping[str, str]) -> Target:
    """The same person, with what a rectification says."""
    return replace(target, changes=dict(changes))


def _through(tenant_id: str, subject_ids: Sequence[str]) -> set[str]:
    event = models.Event
    query = event.select(event.connector_id).where(
        event.tenant_id == tenant_id,
        event.subject_id.in_(list(subject_ids)),
        event.connector_id.is_null(False),
    )
    return {row.connector_id for row in query.distinct()}


def _target(row: models.Connector, known: Known) -> Target:
    emails, phones = tuple(sorted(known.emails)), tuple(sorted(known.phones))
    if row.platform == "mailchimp":
        members = _ids(known, "mailchimp")
        audience = str((row.options or {}).get("list_id") or "").strip()
        lists = (audience,) if audience else tuple(sorted({one.partition(":")[0] for one in members}))
        mine = tuple(one for one in members if one.partition(":")[0] in lists)
        return Target(mine, emails, (), lists)
    if row.platform == "woocommerce":
        return Target(_ids(known, f"woocommerce:{row.id}"), emails)
    if row.platform in ("shopify", "stripe"):
        return Target(_ids(known, row.platform))
    prefix = f"{row.platform}:{row.id}:"
    rows = sorted(value for scope, value in known.ids if scope.startswith(prefix))
    return Target(tuple(rows), emails, phones)


def _ids(known: Known, scope: str) -> tuple[str, ...]:
    return tuple(sorted(_of_scope(known.ids, scope)))


def _of_scope(ids: Iterable[tuple[str, str]], scope: str) -> set[str]:
    return {value.strip() for named, value in ids if named.strip() == scope and value.strip()}
