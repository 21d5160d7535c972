"""How the rights desk works: who hears of requests, in which time zone and languages, and the public form."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import available_timezones

from ....engine.access.roles import Permission
from ....engine.desk import settings
from ....engine.errors import Invalid
from ....engine.mail.catalogue import LANGUAGES
from ....engine.store import models
from .. import words
from ..answers import Page, Redirect
from ..desk import Desk
from ..screens import Screen, Visit, Way


def screens(shared: Desk) -> dict[str, Screen]:
    """The settings: everybody sees them, who looks after the data controller changes them."""
    change_them = Way(change, Permission.MANAGE_TENANT)
    return {"/desk": Screen(shared, get=Way(show, Permission.LOOK), post=change_them)}


def show(visit: Visit) -> Page:
    """As they stand."""
    return _page(visit, {})


def change(visit: Visit) -> Page | Redirect:
    """What the form says, all of it or nothing."""
    try:
        changes = _changes(visit.form)
        settings.change(visit.core, visit.tenant_id, visit.signed.actor, changes)
    except Invalid as error:
        return _page(visit, {error.field: words.sentence(error.detail)})
    return Redirect(f"{visit.base}/desk", note="desk.set")


def _changes(form: Mapping[str, str]) -> dict[str, object]:
    """The form's fields as the settings take them. Where the team is reached is shown to nobody, so a blank
    field leaves it as it is. Raises Invalid."""
    first = form.get("first_language", "")
    spoken = [code for code in LANGUAGES if form.get(f"language.{code}")]
    days = form.get("package_days", "").strip()
    if not days.isascii() or not days.isdigit() or len(days) > 3:
        raise Invalid("package_days", f"must be a whole number from 1 to {settings.LONGEST_PACKAGE}")
    found: dict[str, object] = {
        "zone": form.get("zone", "").strip(),
        "languages": sorted(spoken, key=lambda code: code != first),
        "embed_origins": form.get("embed_origins", "").split(),
        "form_open": form.get("form_open") == "yes",
        "privacy_url": form.get("privacy_url", "").strip() or None,
        "authority": form.get("authority", "").strip() or None,
        "package_days": int(days),
    }
    address = form.get("team_email", "").strip()
    if address or form.get("forget_team_email"):
        found["team_email"] = address or None
    return found


def _page(visit: Visit, faults: Mapping[str, str]) -> Page:
    desk = settings.of(visit.tenant_id)
    tenant = models.DataController.get_by_id(visit.tenant_id)
    form = f"{visit.public_url.rstrip('/')}/request/{tenant.did or tenant.id}"
    values = {
        "desk": desk,
        "faults": faults,
        "given": visit.form if faults else _as_form(desk),
        "zones": sorted(available_timezones()),
        "languages": LANGUAGES,
        "address": form,
        "snippet": f'<iframe src="{form}?embed=1" title="Your privacy rights" width="100%" height="1500">'
        "</iframe>",
        "may_change": visit.may(Permission.MANAGE_TENANT),
        "most_days": settings.LONGEST_PACKAGE,
        "tab": "desk",
        "may_manage": visit.may(Permission.MANAGE_TENANT),
    }
    return Page("rights/desk.html", values, 422 if faults else 200)


def _as_form(desk: settings.Desk) -> dict[str, str]:
    """What stands in the form's fields while nobody has typed anything."""
    spoken = {f"language.{code}": "yes" for code in desk.languages}
    return {
        "zone": desk.zone,
        "first_language": desk.languages[0],
        "embed_origins": "\n".join(desk.embed_origins),
        "form_open": "yes" if desk.form_open else "",
        "privacy_url": desk.privacy_url or "",
        "authority": desk.authority or "",
        "package_days": str(desk.package_days),
        **spoken,
    }
