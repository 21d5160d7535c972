"""``desk``: how a data controller's rights desk works."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from ...config import options
from ...config.commands import Run, command, group
from ..access.roles import Permission
from ..desk import settings
from .owner import one_tenant

commands = group("desk", "How a data controller's rights desk works.")

_DESK = {
    "team_email_set": "Team has an address",
    "zone": "Time zone",
    "languages": "Languages",
    "form_open": "Form is open",
    "embed_origins": "Form may be embedded at",
    "privacy_url": "Privacy notice",
    "authority": "Authority",
    "package_days": "Days a package lies ready",
    "updated_at": "Changed",
}

_CLEARED: Mapping[str, list[str] | None] = {
    "team-email": None,
    "embed-origins": [],
    "privacy-url": None,
    "authority": None,
}
"""What can be taken away, and what is there then."""


@command(commands, "show", takes=Permission.LOOK, tenant=True)
def desk_show(run: Run) -> None:
    """As it stands."""
    _, tenant_id = one_tenant(run)
    _show(run, settings.of(tenant_id))


@command(commands, "set", takes=Permission.MANAGE_TENANT, tenant=True)
def desk_set(
    run: Run,
    team_email: str | None = None,
    zone: str | None = None,
    language: options.Languages = None,
    embed_origin: options.Origins = None,
    form: options.Form = None,
    privacy_url: str | None = None,
    authority: str | None = None,
    package_days: int | None = None,
    clear: options.Clear = None,
) -> None:
    """Change what is named; the rest stays."""
    given: dict[str, object] = {
        "team_email": team_email,
        "zone": zone,
        "languages": language or None,
        "embed_origins": embed_origin or None,
        "form_open": None if form is None else form == "open",
        "privacy_url": privacy_url,
        "authority": authority,
        "package_days": package_days,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    for name in clear or ():
        if name not in _CLEARED:
            raise options.wrong_usage(f"--clear {name!r}: allowed are {', '.join(_CLEARED)}")
        if name.replace("-", "_") in changes:
            raise options.wrong_usage(f"--clear {name}: it is set too")
        changes[name.replace("-", "_")] = _CLEARED[name]
    if not changes:
        raise options.wrong_usage("nothing to change; `dxflow desk set --help` shows what there is")
    core, tenant_id = one_tenant(run)
    _show(run, settings.change(core, tenant_id, run.actor, changes))


def _show(run: Run, desk: settings.Desk) -> None:
    lists = {"languages": list(desk.languages), "embed_origins": list(desk.embed_origins)}
    run.show(asdict(desk) | lists, _DESK)
