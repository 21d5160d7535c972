"""Which person acts. Two people means two persons, not two keys: whoever could act as either is one.

A user is a person, and so is a key that belongs to one. A key that belongs to nobody counts as whoever made it,
as the log says; one that somebody else made for a person counts as both. The command line without ``--as`` is
nobody's. Who brought a person in, gave them a new password or made a link to one, or set the provider that says
who signs in, may be at their desk: after the proposal that makes the two one, and within ``SETTLED`` before it
the log doesn't claim that they are two. A young team can act, and whoever reads its log knows. Whom the
proposer gives a role after the proposal was picked by them, and doesn't approve it either.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from ..errors import Forbidden
from ..services.audit.audit_search import INDEXED
from ..store import models, quick

SETTLED = timedelta(days=30)
"""How long before a proposal a person must have had their account to themselves to be another for sure."""

_MADE = "api_key.created"
_LET_IN = (
    "user.created",
    "user.joined",
    "user.one_time_password_renewed",
    "user.password_reset_link_made",
    "scim.user_created",
    "scim.user_changed",
)
"""Entries after which whoever made them could sign in as their user."""
_LETS_ALL_IN = "sso.provider_set"
"""The entry after which whoever made it could sign in as anybody: their provider says who somebody is."""
_PICKED = ("user.role_set", "user.brought_back")
"""Entries by which somebody is given what they may do."""
_TOLD = (_MADE, *_LET_IN, _LETS_ALL_IN, *_PICKED)
_DEEPEST = 20


def person_of(tenant_id: str, actor: str) -> str | None:
    """The id of the user behind an actor; None for nobody (``system``)."""
    return _Team(tenant_id).person_of(actor)


@dataclass(frozen=True, slots=True)
class Pair:
    """Who approves an order, and whether they and who proposed it are two for sure: nobody could have signed in
    as both within ``SETTLED`` before the proposal."""

    person: str
    two: bool


def approver(tenant_id: str, actor: str, proposed_by: str, proposed_at: datetime) -> Pair:
    """The person who may approve. Raises Forbidden for nobody's act, for the person who proposed, and where one
    person could have been both. Reads the log once: not for a transaction that others wait for."""
    team = _Team(tenant_id)
    kind, _, name = actor.partition(":")
    person = name if kind == "user" else team.owner(name) if kind == "key" else None
    if not person:
        raise Forbidden(
            "approving takes a person: a signed-in user, a key that belongs to one, or --as USER; this is "
            f"{'a key that belongs to nobody' if kind == 'key' else 'nobody'}"
        )
    proposer = team.person_of(proposed_by)
    if person == proposer:
        raise Forbidden("who proposed an erasure doesn't approve it: another person has to")
    one, other = team.holders(actor), team.holders(proposed_by)
    if (one & other) - {None} or _joined(team, person, proposer, proposed_at):
        raise Forbidden(
            "one person could be both who proposed and who approves: since the proposal one of them brought "
            "the other in, gave them a role or a new password, or set the sign-in provider, or a third did for "
            "both; or one made the other's key; another person has to approve, or propose anew"
        )
    sure = proposer is not None and one | other == {person, proposer}
    return Pair(person, sure and not team.one_hand(person, str(proposer), proposed_at - SETTLED))


def why_not(tenant_id: str, actor: str, proposed_by: str, proposed_at: datetime) -> str:
    """Why this actor may not approve what was proposed; empty where they may."""
    try:
        approver(tenant_id, actor, proposed_by, proposed_at)
    except Forbidden as error:
        return str(error)
    return ""


def _joined(team: _Team, person: str, proposer: str | None, since: datetime) -> bool:
    """Whether since the proposal the two became one, or the proposer picked who approves."""
    if proposer is None:
        return False
    picked = {team.person_of(by) for by in team.said(_PICKED, since, person)}
    return proposer in picked or team.one_hand(person, proposer, since)


@dataclass(frozen=True)
class _Team:
    """Who could act as whom at a data controller, by its keys, its invitations and what its log says."""

    tenant_id: str

    @cached_property
    def _entries(self) -> list[tuple[str, datetime, dict[str, Any]]]:
        """The few entries that tell, oldest first, in one reading."""
        entry = models.AuditEntry
        query = entry.select(entry.kind, entry.recorded_at, entry.leaf)
        told = query.where(INDEXED, entry.tenant_id == self.tenant_id, entry.kind.in_(_TOLD))
        return [(one.kind, one.recorded_at, json.loads(one.leaf)) for one in told.order_by(entry.seq)]

    def said(self, kinds: Sequence[str], since: datetime, user: str | None = None) -> Iterator[str]:
        """The actors of such entries, about one user or any."""
        for kind, at, leaf in self._entries:
            if kind in kinds and at >= since and user in (None, leaf.get("user")):
                yield str(leaf["actor"])

    def person_of(self, actor: str) -> str | None:
        """The id of the user behind an actor."""
        for _ in range(_DEEPEST):  # a key may have been made with a key
            kind, _, name = actor.partition(":")
            if kind == "user":
                return name or None
            if kind != "key":
                return None
            owner = self.owner(name)
            maker = None if owner is not None else self._maker(name)
            if maker is None:
                return owner
            actor = maker
        return None

    def holders(self, actor: str) -> set[str | None]:
        """Everybody who could have acted so: the person, and who made the key that they used; None for nobody
        known."""
        kind, _, name = actor.partition(":")
        if kind != "key" or self.owner(name) is None:
            return {self.person_of(actor)}
        maker = self._maker(name)
        return {self.person_of(actor), None if maker is None else self.person_of(maker)}

    def one_hand(self, one: str, other: str, since: datetime) -> bool:
        """Whether one person could have signed in as both since."""
        return bool(self._hands(one, since) & self._hands(other, since))

    def owner(self, key_id: str) -> str | None:
        """Whose key it is; None for the data controller's own, and for one that isn't there."""
        row = quick.get(models.ApiKey, id=key_id, tenant_id=self.tenant_id)
        return None if row is None or row.user_id is None else str(row.user_id)

    def _maker(self, key_id: str) -> str | None:
        """The actor who made a key, as the log says."""
        made = (leaf for kind, _, leaf in self._entries if kind == _MADE and leaf.get("key") == key_id)
        return next((str(leaf["actor"]) for leaf in made), None)

    def _hands(self, person: str, since: datetime) -> set[str]:
        """The person, and everybody who could have signed in as them since: who let them in, and so on."""
        found, new = {person}, [person]
        while new:
            makers = {self.person_of(maker) for one in new for maker in self._makers(one, since)}
            new = [one for one in makers if one is not None and one not in found]
            found.update(new)
        return found

    def _makers(self, person: str, since: datetime) -> Iterator[str]:
        """The actors who let a person in, renewed their password, or could let in anybody."""
        row = models.Invitation
        mine = (row.tenant_id == self.tenant_id) & (row.user_id == person) & (row.accepted_at >= since)
        for invitation in row.select(row.invited_by).where(mine):
            yield str(invitation.invited_by)
        yield from self.said(_LET_IN, since, person)
        yield from self.said((_LETS_ALL_IN,), since)
