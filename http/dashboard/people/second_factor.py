"""One's own second factor: set up, confirmed, its recovery codes, and off again.

A secret and the recovery codes are shown in the answer to a form and at no address, so that nobody who comes
later finds them there.
"""

from __future__ import annotations

import segno

from ....engine.access.roles import Permission
from ....engine.errors import Invalid
from ....engine.services.people import second_factor
from ....engine.services.people.second_factor import Enrolment
from ..answers import Page, Redirect
from ..desk import Desk
from ..screens import Screen, Visit, Way


def screens(shared: Desk) -> dict[str, Screen]:
    """One's own second factor."""
    own = Permission.OWN_ACCOUNT
    return {
        "/account/second-factor": Screen(shared, get=Way(show, own), post=Way(begin, own)),
        "/account/second-factor/confirm": Screen(shared, post=Way(confirm, own)),
        "/account/second-factor/codes": Screen(shared, post=Way(renew_codes, own)),
        "/account/second-factor/off": Screen(shared, post=Way(switch_off, own)),
    }


def show(visit: Visit) -> Page:
    """Whether it is on, and what can be done about it."""
    visit.signed.require_own_proof()
    return _page(visit)


def begin(visit: Visit) -> Page:
    """Show the secret to an authenticator app."""
    try:
        enrolment = second_factor.begin(visit.core, visit.signed, visit.form.get("current"), visit.client)
    except Invalid as error:
        return _page(visit, "begin", error)
    return _scan_page(enrolment)


def confirm(visit: Visit) -> Page:
    """Put it in force, and show the recovery codes."""
    try:
        codes = second_factor.confirm(visit.core, visit.signed, visit.form.get("code", ""), visit.client)
    except Invalid as error:
        enrolment = second_factor.enrolment(visit.core, visit.signed)
        return _page(visit, "begin", error) if enrolment is None else _scan_page(enrolment, error)
    return Page("people/recovery_codes.html", {"codes": codes, "fresh": True})


def renew_codes(visit: Visit) -> Page:
    """Show new recovery codes."""
    try:
        codes = second_factor.renew_codes(visit.core, visit.signed, visit.form.get("code", ""), visit.client)
    except Invalid as error:
        return _page(visit, "codes", error)
    return Page("people/recovery_codes.html", {"codes": codes, "fresh": False})


def switch_off(visit: Visit) -> Page | Redirect:
    """Do without it."""
    current, code = visit.form.get("current"), visit.form.get("code", "")
    try:
        second_factor.switch_off(visit.core, visit.signed, current, code, visit.client)
    except Invalid as error:
        return _page(visit, "off", error)
    return Redirect(f"{visit.base}/account", note="second_factor.off")


def _page(visit: Visit, form: str = "", error: Invalid | None = None) -> Page:
    """``form`` is the one of the page's forms that ``error`` is about."""
    errors = {(form, error.field): error.detail} if error else {}
    values = {"factor": second_factor.state(visit.signed.user_id), "errors": errors}
    return Page("people/own_second_factor.html", values, 422 if error else 200)


def _scan_page(enrolment: Enrolment, error: Invalid | None = None) -> Page:
    secret = enrolment.secret
    values = {
        # Dark on light whatever the colours of the page: many scanners read no other.
        "qr": segno.make(enrolment.uri, micro=False).svg_data_uri(scale=4, dark="#000", light="#fff"),
        "secret": " ".join(secret[start : start + 4] for start in range(0, len(secret), 4)),
        "errors": {("confirm", error.field): error.detail} if error else {},
    }
    return Page("people/scan.html", values, 422 if error else 200)
