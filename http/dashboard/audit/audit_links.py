"""Links for auditors and regulators, as those look after them who may give the log to others."""

from __future__ import annotations

from ....engine.access.roles import Permission
from ....engine.errors import Invalid
from ....engine.services.audit import auditor_links
from ..answers import Page, Redirect
from ..desk import Desk
from ..screens import Screen, Visit, Way
from .audit_reader import index_of

_USUAL_DAYS = "30"


def screens(shared: Desk) -> dict[str, Screen]:
    """Make one, look at them, take one back."""
    share = Permission.SHARE_LOG
    return {
        "/audit/links": Screen(shared, get=Way(listing, share), post=Way(create, share)),
        "/audit/links/{link_id}/revoke": Screen(shared, post=Way(revoke, share)),
    }


def listing(visit: Visit) -> Page:
    """Newest first."""
    return _page(visit, {"name": "", "days": _USUAL_DAYS}, {})


def create(visit: Visit) -> Page:
    """Make a link; it is on the page that follows, and nowhere else."""
    given = {name: visit.form.get(name, "").strip() for name in ("name", "days")}
    try:
        days = index_of(given["days"])
        if days is None:
            raise Invalid("days", "must be a whole number")
        row, token = auditor_links.create(
            visit.core, visit.tenant_id, given["name"], days, visit.signed.actor
        )
    except Invalid as error:
        return _page(visit, given, {error.field: error.detail})
    address = auditor_links.address(visit.public_url, token)
    return Page("audit/audit_link_made.html", {"link": row, "address": address, **_within(visit)})


def revoke(visit: Visit) -> Redirect:
    """At once and for good."""
    auditor_links.revoke(visit.core, visit.tenant_id, visit.path["link_id"], visit.signed.actor)
    return Redirect(f"{visit.base}/audit/links", note="auditor_link.revoked")


def _page(visit: Visit, given: dict[str, str], errors: dict[str, str]) -> Page:
    rows = auditor_links.listing(visit.tenant_id)
    values = {
        "links": [(row, auditor_links.state(row, visit.now)) for row in rows],
        "given": given,
        "errors": errors,
        "days": auditor_links.DAYS,
        "longest": auditor_links.LONGEST_NAME,
        "shown": auditor_links.SHOWN,
        **_within(visit),
    }
    return Page("audit/audit_links.html", values, 422 if errors else 200)


def _within(visit: Visit) -> dict[str, object]:
    return {"frame": "app.html", "place": f"{visit.base}/audit", "inside": True}
