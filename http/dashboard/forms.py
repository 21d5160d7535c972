"""What a browser sends: the form, where it came from, and where to go next."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

import falcon

from ...engine import lookups
from ...engine.errors import Forbidden, Malformed, TooLarge
from .desk import Desk

LIMIT = 64 * 1024  # bytes; the longest field is a discard reason
_FIELDS = 150  # a page of a list with a box to tick for each row

Form = Mapping[str, str]


def read(req: falcon.Request) -> Form:
    """The posted fields, the last of each name. Raises TooLarge, Malformed."""
    if (req.content_length or 0) > LIMIT:
        raise TooLarge(f"a form may have {LIMIT} bytes")
    raw: bytes = req.bounded_stream.read(LIMIT)
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=_FIELDS)
    except ValueError as error:
        raise Malformed("this is not a form as a browser sends it") from error
    return dict(pairs)


def require_own_origin(desk: Desk, req: falcon.Request) -> None:
    """Refuse a form that another site's page sent. Raises Forbidden.

    Browsers name the sender in Sec-Fetch-Site (over HTTPS and on localhost) or in Origin. A request with
    neither comes from a program, whose cookies no other site can lend itself.
    """
    site, origin = req.get_header("Sec-Fetch-Site"), req.get_header("Origin")
    if site is not None:
        own = site == "same-origin"
    else:
        hosts = {req.get_header("Host"), req.forwarded_host, desk.public_host}
        own = origin is None or urlsplit(origin).netloc in hosts
    if not own:
        raise Forbidden("this form was sent by another site")


def require_token(form: Form, expected: str) -> None:
    """Refuse a form that wasn't made for this session. Raises Forbidden."""
    given = form.get("csrf", "").encode("utf-8", "surrogatepass")
    if not hmac.compare_digest(given, expected.encode()):
        raise Forbidden("this form belongs to an earlier session; go back, reload the page and send it again")


def identifier(text: str, what: str) -> str:
    """A UUID out of an address or a field, in its canonical form. Raises NotFound, which names ``what``."""
    return lookups.identifier(text, f"no such {what}")


def safe_next(desk: Desk, wanted: str | None) -> str:
    """``wanted`` when it is a plain path inside the dashboard, else the overview."""
    home = f"{desk.base}/"
    if not wanted or not wanted.isascii() or not wanted.isprintable() or "\\" in wanted:
        return home
    inside = wanted.startswith(home) and "//" not in wanted and "/../" not in f"{wanted}/"
    return wanted if inside else home
