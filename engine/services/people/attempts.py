"""How often somebody may guess: counted for each account and each client address, in the database that all
processes share.

The rule: a try is counted before what it brings is checked, and whoever was right gets it back. So guesses sent
at once can't pass the limit together, and whoever is blocked is told nothing about what they brought. Names are
keyed indexes: the table tells nobody's address. A browser that its owner has signed in with before is counted
by itself alone (``devices``): others' guesses don't keep it out. What anybody may do in anybody's name is
shared out among clients (``share``): nobody uses up another's part.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import peewee

from ... import moments
from ...core import Core
from ...errors import CallerError, TooManyAttempts
from ...store import models, scope
from .. import acts
from . import devices
from .devices import Client


class Kind(StrEnum):
    """What is guessed; each is counted apart."""

    ACCOUNT = "attempt_account"
    """The password of whoever signs in, by their address."""
    SECOND_FACTOR = "attempt_second_factor"
    """A code of an authenticator app, or a recovery code, by the user's id."""
    PRESENT_PASSWORD = "attempt_present_password"  # noqa: S105 - a name
    """The password of somebody signed in, by the user's id."""
    RESET = "attempt_reset"
    """Having a link sent that leads to a new password, by the address it is to go to; shared."""
    REQUEST_FORM = "attempt_request_form"
    """Sending a request that names an address, by that address and the data controller; shared."""
    REQUEST_KEY = "attempt_request_key"
    """The key of a rights request's page; by the client's address alone."""
    PRIVACY_AGENT = "attempt_privacy_agent"
    """The signature of an agent that asks for a token; by the client's address alone."""
    AUDITOR_LINK = "attempt_auditor_link"
    """The token of an auditor's link; by the client's address alone."""
    IDENTITY_CODE = "attempt_identity_code"
    """The code that proves who sent a rights request, by the request's id."""
    IDENTITY_SENDING = "attempt_identity_sending"
    """Having such a code sent, by the request's id."""
    IDENTITY_TARGET = "attempt_identity_target"
    """Receiving such codes, by their purpose and a mark of the address; shared."""


_OF_USERS = (Kind.ACCOUNT, Kind.SECOND_FACTOR, Kind.PRESENT_PASSWORD)
"""What an entry tells of when it is blocked."""


@dataclass(frozen=True, slots=True)
class Limit:
    """After ``free`` failures blocked for ``first``, then after each further one twice as long, up to
    ``longest``. Forgotten ``within`` this time of the first failure; if ``sliding``, of the latest."""

    free: int
    first: timedelta
    longest: timedelta
    within: timedelta
    sliding: bool

    def pause(self, failures: int) -> timedelta:
        """How long the failure of this number blocks."""
        doublings = min(failures - self.free, 20)
        return min(self.longest, self.first * int(2**doublings))


PERSON = Limit(5, timedelta(seconds=30), timedelta(minutes=15), timedelta(hours=1), sliding=True)
TOGETHER = Limit(20, timedelta(minutes=15), timedelta(hours=1), timedelta(hours=1), sliding=False)
"""What is done to one person by all clients together, beside each one's own share."""
NETWORK = Limit(50, timedelta(minutes=15), timedelta(minutes=15), timedelta(minutes=15), sliding=False)

_ADDRESS, _DEVICE = "attempt_address", "attempt_device"
_IPV6_PREFIX = 64
"""What one subscriber has at the least (RFC 6177): any address in it is theirs."""


@dataclass(frozen=True, slots=True)
class _Counter:
    name: str
    limit: Limit


@dataclass(frozen=True, slots=True)
class Tried:
    """A try that was counted, to be given back if it was right. ``failures`` is set if it is the last one
    before its account is blocked."""

    counters: tuple[_Counter, ...]
    failures: int | None = None


@dataclass(frozen=True, slots=True)
class _Counted:
    """How many by now. ``refused``: blocked until then, and not counted. ``last``: blocked from now on."""

    failures: int = 0
    refused: datetime | None = None
    last: bool = False


@contextmanager
def guess(core: Core, kind: Kind, whose: str, client: Client, user: models.User | None) -> Iterator[Tried]:
    """Count a try before the block, which checks it: it raises what it likes if the try was wrong, and calls
    ``forgive`` if it was right. Raises TooManyAttempts, and then the block doesn't run.

    ``whose`` is the address or id that is guessed at, ``user`` who that is, None for an address of nobody.
    """
    tried = _begin(core, _counters(core, kind, whose, client, user))
    try:
        yield tried
    except CallerError:
        if tried.failures is not None and kind in _OF_USERS:
            _tell(core, kind, tried.failures, user)
        raise


def spend(core: Core, kind: Kind, whose: str, address: str | None) -> Tried:
    """Count what anybody may do a few times: ``whose`` it is about (empty for nobody's), and the client's
    address, which is counted for this kind alone. Raises TooManyAttempts."""
    counters = []
    if address is not None:
        counters.append(_Counter(core.keys.link_own(f"{kind}_from", _network(address)), NETWORK))
    if whose:
        counters.append(_Counter(core.keys.link_own(kind, whose), PERSON))
    return _begin(core, tuple(counters))


def share(core: Core, kind: Kind, whose: str, address: str | None) -> None:
    """Count what anybody may do in somebody's name (``whose``): against the share of the client's network, and
    against that of all together. Who has no address (the desk, a program with a key) has one share, which no
    client uses up. Raises TooManyAttempts."""
    counters = [_Counter(core.keys.link_own(f"{kind}_share", _part(whose, address)), PERSON)]
    if address is not None:
        counters.append(_Counter(core.keys.link_own(kind, whose), TOGETHER))
    _begin(core, tuple(counters))


def _part(whose: str, address: str | None) -> str:
    """Whose share: that of the client's network, or of those who have no address."""
    return f"{whose} {'' if address is None else _network(address)}"


def _begin(core: Core, counters: tuple[_Counter, ...]) -> Tried:
    now, refused, failures = core.clock(), None, None
    with core.store.transaction(urgent=True):
        for counter in counters:
            counted = _count(counter, now)
            if counted.last and counter.limit is PERSON:
                failures = counted.failures
            if refused := counted.refused:
                break
    if refused is not None:
        raise TooManyAttempts(refused, max(1, math.ceil((refused - now).total_seconds())))
    return Tried(counters, failures)


def forgive(core: Core, tried: Tried) -> None:
    """The try was right: the account begins anew, and the client's address is as if it hadn't come. To be
    called first in the transaction of what the try opens: rows are locked in this order everywhere."""
    row = models.Attempt
    with core.store.transaction():
        for counter in tried.counters:
            mine = row.name == counter.name
            if counter.limit is PERSON:
                row.delete().where(mine).execute()
            else:
                less = row.update(failures=row.failures - 1, blocked_until=None)
                less.where(mine, row.failures > 0).execute()


def begin_anew(core: Core, kind: Kind, whose: str) -> None:
    """Somebody showed by other means than a guess that this is theirs. In the caller's transaction, and first
    in it, as ``forgive``."""
    row = models.Attempt
    row.delete().where(row.name.in_(core.keys.links_own(kind, whose))).execute()


def touch(core: Core, kind: Kind, whose: str, address: str | None) -> None:
    """Write a client's share as it is: for whoever must commit something and has nothing to say. In the
    caller's transaction."""
    row, names = models.Attempt, core.keys.links_own(f"{kind}_share", _part(whose, address))
    row.update(since=row.since).where(row.name.in_(names)).execute()


def forget(core: Core) -> int:
    """Delete every count that means nothing any more; returns how many. For a periodic caller."""
    row, now = models.Attempt, core.clock()
    quiet = row.since <= now - max(PERSON.within, TOGETHER.within, NETWORK.within)
    over = row.blocked_until.is_null() | (row.blocked_until <= now)
    with core.store.transaction():
        return int(row.delete().where(quiet, over).execute())


def _counters(
    core: Core, kind: Kind, whose: str, client: Client, user: models.User | None
) -> tuple[_Counter, ...]:
    device = devices.recognised(core, user.id, client.device) if user and client.device else None
    if user is not None and device is not None:
        return (_Counter(core.keys.link_own(_DEVICE, f"{kind}:{user.id}:{device}"), PERSON),)
    account = _Counter(core.keys.link_own(kind, whose), PERSON)
    if client.address is None:
        return (account,)
    return _Counter(core.keys.link_own(_ADDRESS, _network(client.address)), NETWORK), account


def _network(address: str) -> str:
    """An IPv4 address as it is, of an IPv6 address the /64."""
    parsed = ipaddress.ip_address(address)
    return str(
        parsed if parsed.version == 4 else ipaddress.ip_network((int(parsed), _IPV6_PREFIX), strict=False)
    )


def _count(counter: _Counter, now: datetime) -> _Counted:
    """One more, unless blocked. The upsert holds the row until this transaction ends, whether or not it changes
    it, so of two who come at once the second sees what the first has counted."""
    row, limit, moment = models.Attempt, counter.limit, moments.to_text(now)
    over = row.since <= now - limit.within
    query = (
        row.insert(name=counter.name, failures=1, since=now)
        .on_conflict(
            conflict_target=[row.name],
            update={
                row.failures: peewee.Case(None, [(over, 1)], row.failures + 1),
                row.since: moment if limit.sliding else peewee.Case(None, [(over, moment)], row.since),
                row.blocked_until: None,
            },
            where=row.blocked_until.is_null() | (row.blocked_until <= now),
        )
        .returning(row.failures)
    )
    counted = [one.failures for one in query.execute()]
    if not counted:
        return _Counted(refused=row.get_by_id(counter.name).blocked_until)
    if counted[0] < limit.free:
        return _Counted(counted[0])
    row.update(blocked_until=now + limit.pause(counted[0])).where(row.name == counter.name).execute()
    return _Counted(counted[0], last=True)


def _tell(core: Core, kind: Kind, failures: int, user: models.User | None) -> None:
    """Write down that an account is blocked. For an account that isn't there the same is done and undone again:
    how long it takes must not tell the two apart."""
    tenant_id = user.tenant_id if user else _any_tenant()
    if tenant_id is None:
        return
    user_id, guessed = user.id if user else core.new_id(), kind.removeprefix("attempt_")
    body = {"user": user_id, "guessed": guessed, "failures": failures}
    with (
        suppress(_Nobody),
        scope.everyone("guesses are told where the account began"),
        core.store.transaction(),
    ):
        acts.record(core, tenant_id, "user.sign_in_blocked", acts.SYSTEM, None, (), **body)
        if user is None:
            raise _Nobody


class _Nobody(Exception):
    """Undoes what was done for the sake of its time alone."""


def _any_tenant() -> str | None:
    tenant = models.DataController
    found = tenant.select(tenant.id).order_by(tenant.created_at, tenant.id).first()
    return None if found is None else str(found.id)
