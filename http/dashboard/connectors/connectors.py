"""Connectors: how each is, its secrets, how its platform is asked, and a delivery to try it."""

from __future__ import annotations

from datetime import timedelta

from ....engine import trial
from ....engine.access.roles import Permission
from ....engine.errors import Conflict, Invalid
from ....engine.recipients import RECIPIENTS
from ....engine.recipients.credentials import ADDRESSES
from ....engine.services import pages
from ....engine.services.connectors import (
    connector_apis,
    connector_care,
    connector_health,
    connectors,
    refusals,
    silence,
)
from ....engine.services.rows import masked
from ....engine.store import models
from .. import words
from ..answers import Page, Redirect
from ..desk import Desk
from ..screens import Screen, Visit, Way
from . import connector_new, connector_words
from .connector_words import OVERLAPS, Seen

_PER_PAGE = 25
_NEWEST = 6


def screens(shared: Desk) -> dict[str, Screen]:
    """The list, one connector, what may be done with it, and adding one."""
    look, manage = Permission.LOOK, Permission.MANAGE_CONNECTORS
    one = "/connectors/{connector_id}"
    return {
        "/connectors": Screen(shared, get=Way(listing, look)),
        **connector_new.screens(shared),
        one: Screen(shared, get=Way(show, look)),
        f"{one}/rename": Screen(shared, post=Way(rename, manage)),
        f"{one}/disable": Screen(shared, post=Way(disable, manage)),
        f"{one}/enable": Screen(shared, post=Way(enable, manage)),
        f"{one}/secrets": Screen(shared, post=Way(rotate, manage)),
        f"{one}/secrets/{{secret_id}}/end": Screen(shared, post=Way(end_secret, manage)),
        f"{one}/api": Screen(shared, post=Way(set_api, manage)),
        f"{one}/api/check": Screen(shared, post=Way(check_api, manage)),
        f"{one}/api/remove": Screen(shared, post=Way(remove_api, manage)),
        f"{one}/test": Screen(shared, post=Way(try_it, manage)),
    }


def listing(visit: Visit) -> Page:
    """Newest first, each with how it is; ``?cursor=`` continues."""
    row = models.Connector
    mine = row.select().where(row.tenant_id == visit.tenant_id)
    cursor = visit.query.get("cursor")
    page = pages.by_time(mine, row.created_at, row.id, limit=_PER_PAGE, cursor=cursor)
    values = {
        "connectors": _seen(visit, page.rows),
        "cursor": page.next_cursor,
        "paged": cursor is not None,
    }
    return Page("connectors/connectors.html", values)


def show(visit: Visit) -> Page:
    """One connector."""
    return _page(visit)


def rename(visit: Visit) -> Page | Redirect:
    """Call it something else."""
    name, connector_id = visit.form.get("name", ""), visit.path["connector_id"]
    try:
        connector_care.rename(visit.core, visit.tenant_id, connector_id, name, visit.signed.actor)
    except Invalid as error:
        return _page(visit, errors={"name": words.sentence(f"it {error.detail}")})
    return _back(visit, "connector.renamed")


def disable(visit: Visit) -> Redirect:
    """Its address takes nothing any more."""
    connector_care.disable(visit.core, visit.tenant_id, visit.path["connector_id"], visit.signed.actor)
    return _back(visit, "connector.disabled")


def enable(visit: Visit) -> Redirect:
    """It takes deliveries again."""
    connector_care.enable(visit.core, visit.tenant_id, visit.path["connector_id"], visit.signed.actor)
    return _back(visit, "connector.enabled")


def rotate(visit: Visit) -> Page | Redirect:
    """A new secret, which the older ones outlive for the time that was chosen. One that dxflow chose, or that
    is a part of the address, is on the page that follows and nowhere else."""
    connector = connectors.get(visit.tenant_id, visit.path["connector_id"])
    chosen = connector.platform in connector_words.OURS_TO_CHOOSE and not visit.form.get("secret", "").strip()
    secret = connector_care.new_secret() if chosen else visit.form.get("secret", "").strip()
    hours = OVERLAPS.get(visit.form.get("overlap", ""), 24)
    try:
        connectors.rotate(
            visit.core,
            visit.tenant_id,
            connector.id,
            secret,
            overlap=timedelta(hours=hours),
            actor=visit.signed.actor,
        )
    except Invalid as error:
        return _page(visit, errors={"secret": words.sentence(f"it {error.detail}")})
    if not chosen and connector.platform != "mailchimp":
        return _back(visit, "secret.added")
    values = {
        "connector": connector,
        "address": connectors.address(visit.core, connector, visit.public_url),
        "secret": secret if chosen else "",
        "hours": hours,
    }
    return Page("connectors/connector_secret.html", values)


def end_secret(visit: Visit) -> Redirect:
    """An older secret opens nothing any more."""
    connector_id, secret_id = visit.path["connector_id"], visit.path["secret_id"]
    connector_care.end_secret(visit.core, visit.tenant_id, connector_id, secret_id, visit.signed.actor)
    return _back(visit, "secret.ended")


def set_api(visit: Visit) -> Page | Redirect:
    """How its platform is asked; tried at once."""
    connector = connectors.get(visit.tenant_id, visit.path["connector_id"])
    recipient = RECIPIENTS.get(connector.platform)
    given = {name: visit.form.get(name, "").strip() for name in (recipient.needs if recipient else ())}
    url = visit.form.get("base_url", "")
    try:
        connector_apis.put(visit.core, visit.tenant_id, connector.id, url, given, visit.signed.actor)
    except Invalid as error:
        return _page(visit, errors={"api": words.sentence(str(error))})
    return check_api(visit)


def check_api(visit: Visit) -> Redirect:
    """Ask the platform whether it takes the credentials."""
    found = connector_apis.check(visit.core, visit.tenant_id, visit.path["connector_id"])
    return _back(visit, "api.taken" if found.ok else "api.refused")


def remove_api(visit: Visit) -> Redirect:
    """Forget the credentials."""
    connector_apis.remove(visit.core, visit.tenant_id, visit.path["connector_id"], visit.signed.actor)
    return _back(visit, "api.removed")


def try_it(visit: Visit) -> Page:
    """A test delivery, and what it showed."""
    connector = connectors.get(visit.tenant_id, visit.path["connector_id"])
    try:
        found = trial.run(visit.core, visit.tenant_id, connector.id, visit.public_url, visit.signed.actor)
    except Conflict as error:
        return _page(visit, errors={"test": words.sentence(str(error))}, status=error.status)
    values = {"connector": connector, "trial": found, "public_url": visit.public_url}
    return Page("connectors/connector_tested.html", values)


def _back(visit: Visit, note: str) -> Redirect:
    return Redirect(f"{visit.base}/connectors/{visit.path['connector_id']}", note=note)


def _page(visit: Visit, *, errors: dict[str, str] | None = None, status: int = 422) -> Page:
    connector = connectors.get(visit.tenant_id, visit.path["connector_id"])
    [seen] = _seen(visit, [connector])
    address = connectors.plain_address(connector, visit.public_url)
    recipient = RECIPIENTS.get(connector.platform)
    values = {
        "seen": seen,
        "address": masked(f"{address}?key=") if connector.platform == "mailchimp" else address,
        "newest": connector_health.newest(visit.tenant_id, connector.id, _NEWEST),
        "reads": connector_words.READS[connector.platform],
        "needs": recipient.needs if recipient else (),
        "api_address": ADDRESSES.get(connector.platform, ""),
        "overlaps": OVERLAPS,
        "ours": connector.platform in connector_words.OURS_TO_CHOOSE,
        "errors": errors or {},
        "given": visit.form,
    }
    return Page("connectors/connector.html", values, status if errors else 200)


def _seen(visit: Visit, rows: list[models.Connector]) -> list[Seen]:
    """The same number of queries for one as for fifty."""
    ids = [row.id for row in rows]
    rhythms = silence.rhythm(visit.tenant_id, visit.now)
    days = connector_health.last_day(visit.tenant_id, ids, visit.now)
    secrets, apis = connector_care.in_force(ids, visit.now), connector_health.apis(ids)
    refused = refusals.of_connectors(visit.tenant_id, visit.now - connector_health.DAY)
    nothing = silence.Rhythm(None, None, silent=False)
    return [
        Seen(
            connector=row,
            rhythm=rhythms.get(row.id, nothing),
            day=days.get(row.id, connector_health.Day()),
            secrets=secrets.get(row.id, []),
            api=apis.get(row.id),
            refused=refused.get(row.id),
        )
        for row in rows
    ]
