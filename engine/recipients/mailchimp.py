"""Mailchimp's Marketing API 3.0: members of an audience, by the MD5 of their lower-case address; by the id that
deliveries name (``unique_email_id``) where no address is known.

Deleting a member for good also keeps them from being imported again; nothing of them stays at Mailchimp.
https://mailchimp.com/developer/marketing/api/list-members/
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from ..calling import Reply
from ..errors import PermanentError, TransientError
from .base import Api, Receipt, Recipient, Target, basic, named, whole

_KEY = "api_key"
_STATES = {"granted": "subscribed", "withdrawn": "unsubscribed", "pending": "pending"}


def check(api: Api) -> None:
    """Whether Mailchimp takes the key. Raises PermanentError, TransientError."""
    reply = _ask(api, "GET", "/ping")
    if reply.status != 200:
        raise api.unexpected(reply)
    api.json(reply)


def erase(api: Api, target: Target) -> Receipt:
    """Delete each address from each audience for good."""
    return _each(api, target, lambda path: _ask(api, "POST", f"{path}/actions/delete-permanent"))


def rectify(api: Api, target: Target) -> Receipt:
    """Give the member the new address, number or name."""
    wish: dict[str, Any] = {}
    if "email" in target.changes:
        wish["email_address"] = target.changes["email"]
    fields = {"PHONE": target.changes["phone"]} if "phone" in target.changes else {}
    if "name" in target.changes:
        fields["FNAME"], fields["LNAME"] = named(target.changes["name"])
    return _patch(api, target, wish | ({"merge_fields": fields} if fields else {}))


def restrict(api: Api, target: Target) -> Receipt:
    """Archive the member: kept, and written to no more (GDPR Art. 18(2))."""
    return _each(api, target, lambda path: _ask(api, "DELETE", path), archived=405)


def set_consent(api: Api, target: Target, channel: str, state: str, stated_at: datetime) -> Receipt:
    """Say that the member agreed, or withdrew. Mailchimp has no time for it: the last call holds."""
    del stated_at
    if channel != "email" or state not in _STATES:
        raise PermanentError(f"mailchimp keeps no consent of state {state} on channel {channel}")
    return _patch(api, target, {"status": _STATES[state]})


def hashed(email: str) -> str:
    """By what Mailchimp knows an address: no secret of ours, so MD5 does no harm."""
    return hashlib.md5(email.strip().lower().encode(), usedforsecurity=False).hexdigest()


def _patch(api: Api, target: Target, wish: Mapping[str, Any]) -> Receipt:
    return _each(api, target, lambda path: _ask(api, "PATCH", path, dict(wish)))


def _each(api: Api, target: Target, call: Callable[[str], Reply], *, archived: int | None = None) -> Receipt:
    """One call for each member. ``archived`` is the status that says it was so before."""
    statuses = []
    for path in _members(api, target):
        if path is None:
            statuses.append("gone")
            continue
        reply = call(path)
        statuses.append("done" if reply.status == archived else _done_or_gone(api, reply))
    return whole(api, statuses)


def _members(api: Api, target: Target) -> list[str | None]:
    """Addresses of members: each e-mail in each audience; without an e-mail, whom Mailchimp finds by each id,
    None for nobody. Raises PermanentError where no audience is known."""
    if not target.emails:
        return [_by_id(api, one) for one in target.ids]
    if not target.lists:
        raise PermanentError("mailchimp: no audience is known; set the connector's option list_id")
    return [
        f"/lists/{quote(one, safe='')}/members/{hashed(email)}"
        for one in target.lists
        for email in target.emails
    ]


def _by_id(api: Api, member: str) -> str | None:
    """The member with a ``unique_email_id``, given as ``audience:id``.
    https://mailchimp.com/developer/marketing/api/list-members/list-members-info/"""
    audience, _, unique = member.partition(":")
    path = f"/lists/{quote(audience, safe='')}/members"
    reply = _ask(api, "GET", f"{path}?{urlencode({'unique_email_id': unique, 'fields': 'members.id'})}")
    if reply.status != 200:
        raise api.unexpected(reply)
    rows = api.json(reply).get("members")
    if not isinstance(rows, list):
        raise TransientError("mailchimp's API answers without its list of members")
    known = [one["id"] for one in rows if isinstance(one, dict) and isinstance(one.get("id"), str)]
    if len(known) > 1:
        raise PermanentError("mailchimp answers with more than one member for an id")
    return f"{path}/{quote(known[0], safe='')}" if known else None


def _done_or_gone(api: Api, reply: Reply) -> str:
    if reply.status == 404 and api.json(reply).get("status") == 404:
        return "gone"
    if reply.status == 200:
        api.json(reply)
    elif reply.status != 204:
        title = re.sub(r"\W+", "_", str(reply.document.get("title", "")))
        raise api.unexpected(reply, title)
    return "done"


def _ask(api: Api, method: str, path: str, wish: Mapping[str, Any] | None = None) -> Reply:
    headers = basic("dxflow", api.secret(_KEY))
    return api.ask(method, "/3.0" + path, headers, wish=wish, credential=_KEY)


RECIPIENT = Recipient(
    name="mailchimp",
    needs=(_KEY,),
    check=check,
    erase=erase,
    rectify=rectify,
    restrict=restrict,
    set_consent=set_consent,
    channels=frozenset({"email"}),
    delay="at once",
    keeps="nothing",
)
