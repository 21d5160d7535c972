"""How a data controller's desk works: who hears of requests, in which time zone days are counted, what the
public form speaks and where it may be embedded, whom people may complain to, how long a package lies ready.

Where nobody said anything the defaults hold. Where the team is reached is sealed: it is read by whoever writes
to them (``rights/team.py``), and shown to nobody.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from zoneinfo import available_timezones

from ..core import Core
from ..errors import Invalid
from ..mail import letter
from ..mail.catalogue import LANGUAGES
from ..services import acts
from ..store import models, quick
from . import dates

MOST_ORIGINS = 20
LONGEST_PACKAGE = 90
"""Days that a package may lie ready at most."""
LONGEST_AUTHORITY = 200
LONGEST_URL = 2000

_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PORT = "(?::(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?"
_HOST = rf"https://(?:{_LABEL}\.)*{_LABEL}{_PORT}"
ORIGIN = rf"^(?:{_HOST}|http://(?:localhost|127\.0\.0\.1){_PORT})$"
"""An origin as browsers spell it (RFC 6454 section 6.2); without TLS only this machine."""
PAGE = rf"^{_HOST}(?:[/?#][!-~]*)?$"


@dataclass(frozen=True, slots=True)
class Desk:
    """The settings of a desk. ``updated_at`` is None where nobody has changed any."""

    team_email_set: bool = False
    zone: str = "UTC"
    languages: tuple[str, ...] = LANGUAGES
    embed_origins: tuple[str, ...] = ()
    form_open: bool = True
    privacy_url: str | None = None
    authority: str | None = None
    package_days: int = 14
    updated_at: datetime | None = None


def of(tenant_id: str) -> Desk:
    """A data controller's settings, or the defaults."""
    row = quick.get(models.RightsDesk, tenant_id=tenant_id)
    if row is None:
        return Desk()
    return Desk(
        team_email_set=row.team_email_sealed is not None,
        zone=row.zone,
        languages=tuple(row.languages),
        embed_origins=tuple(row.embed_origins),
        form_open=bool(row.form_open),
        privacy_url=row.privacy_url,
        authority=row.authority,
        package_days=row.package_days,
        updated_at=row.updated_at,
    )


def change(core: Core, tenant_id: str, actor: str, changes: Mapping[str, object]) -> Desk:
    """Set what is named and leave the rest: ``team_email`` and the settings of ``Desk``. None takes an address,
    a page or an authority away; another zone moves the dates of open requests. Raises Invalid, naming the
    setting and what is allowed."""
    checked = {name: _checked(name, value) for name, value in changes.items()}
    with core.store.transaction():
        quick.lock(models.DataController, id=tenant_id)  # two who change different settings both succeed
        before, sealed = of(tenant_id), _sealed(core, tenant_id, checked)
        plain = {name: value for name, value in checked.items() if name != "team_email"}
        differing = [name for name, value in plain.items() if getattr(before, name) != value]
        if not differing and "team_email" not in checked:
            return before
        _write(core, tenant_id, {**asdict(before), **plain}, sealed)
        if "zone" in differing:
            dates.count_anew(core, tenant_id)
        said = {name: [_plain(getattr(before, name)), _plain(plain[name])] for name in differing}
        named = sorted([*differing, *(["team_email"] if "team_email" in checked else [])])
        acts.record(core, tenant_id, "rights_desk.set", actor, {"from_to": said}, settings=named)
    return of(tenant_id)


def _write(core: Core, tenant_id: str, values: dict[str, Any], sealed: bytes | None) -> None:
    del values["team_email_set"]
    lists = {name: list(values[name]) for name in ("languages", "embed_origins")}
    row = {**values, **lists, "tenant_id": tenant_id, "updated_at": core.clock()}
    quick.put(models.RightsDesk, {**row, "team_email_sealed": sealed}, "tenant_id")


def _sealed(core: Core, tenant_id: str, checked: Mapping[str, object]) -> bytes | None:
    """The team's address as it is to stand in the row: a new one, none, or the one that is there."""
    if "team_email" not in checked:
        row = quick.get(models.RightsDesk, tenant_id=tenant_id)
        return None if row is None or row.team_email_sealed is None else bytes(row.team_email_sealed)
    address = checked["team_email"]
    if address is None:
        return None
    place = {"table": "rights_desks", "column": "team_email_sealed", "row_id": str(tenant_id)}
    return core.keys.seal(tenant_id, str(address).encode(), **place)


def _checked(name: str, value: object) -> object:
    check = _CHECKS.get(name)
    if check is None:
        raise Invalid(name[:40], f"no such setting; there are {', '.join(_CHECKS)}")
    return check(name, value)


def _address(name: str, value: object) -> str | None:
    if value is None:
        return None
    try:
        return letter.address(str(value))
    except Invalid as error:
        raise Invalid(name, error.detail) from None


def _zone(name: str, value: object) -> str:
    if value not in available_timezones():
        raise Invalid(name, "not an IANA time zone such as Europe/Berlin")
    return str(value)


def _languages(name: str, value: object) -> tuple[str, ...]:
    given = _texts(name, value)
    if not given or set(given) - set(LANGUAGES):
        raise Invalid(name, f"one or more of {', '.join(LANGUAGES)}; the first one is the team's")
    return given


def _origins(name: str, value: object) -> tuple[str, ...]:
    given = _texts(name, value)
    if len(given) > MOST_ORIGINS or not all(re.fullmatch(ORIGIN, one, re.ASCII) for one in given):
        raise Invalid(
            name, f"at most {MOST_ORIGINS} like https://www.example.com, in lower case, without a path"
        )
    return tuple(dict.fromkeys(re.sub(r"^(https://.*):443$|^(http://.*):80$", r"\1\2", one) for one in given))


def _texts(name: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise Invalid(name, "must be a list")
    return tuple(dict.fromkeys(str(one) for one in value))


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise Invalid(name, "must be true or false")
    return value


def _page(name: str, value: object) -> str | None:
    if value is not None and (len(str(value)) > LONGEST_URL or not re.fullmatch(PAGE, str(value), re.ASCII)):
        raise Invalid(name, f"must be an address that begins with https://, {LONGEST_URL} characters at most")
    return None if value is None else str(value)


def _authority(name: str, value: object) -> str | None:
    text = None if value is None else letter.one_line(str(value))
    if text is not None and not 1 <= len(text) <= LONGEST_AUTHORITY:
        raise Invalid(name, f"must have 1 to {LONGEST_AUTHORITY} characters")
    return text


def _days(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= LONGEST_PACKAGE:
        raise Invalid(name, f"must be a whole number from 1 to {LONGEST_PACKAGE}")
    return value


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


_CHECKS: Mapping[str, Callable[[str, object], object]] = {
    "team_email": _address,
    "zone": _zone,
    "languages": _languages,
    "embed_origins": _origins,
    "form_open": _flag,
    "privacy_url": _page,
    "authority": _authority,
    "package_days": _days,
}
