"""Consent in step with the platforms: a statement is taken in or not, and whoever else must know is told.

The rules. A statement holds when it prevails over what holds (``consent_order``). What a platform says because
dxflow told it is its echo (``consent_echo``): it isn't taken in, because its newer time would outdo what people
said meanwhile. When the answer changes, every other platform that can hold it and knows the person is told; the
platform that spoke is told too where what holds contradicts it, or where an older word of ours overtook it.
Neither yes nor no (pending, unknown) is told to nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..announcing import announce
from ..core import Core
from ..errors import PermanentError
from ..platforms.activities import DIRECT_MARKETING
from ..store import models
from . import consent_echo, limits
from .consent_order import ALL, Statement, answer, moment, prevails

RECORDED, ECHO, STALE = "recorded", "echo", "stale"
CHANGED = "consent.changed"

_CHANNELS: Mapping[str, frozenset[str]] = {
    "shopify": frozenset({"email", "sms"}),
    "mailchimp": frozenset({"email"}),
    "woocommerce": frozenset({"email"}),
}
"""What each platform can hold of direct marketing. Stripe holds no consent of a customer, Hasura is the
application's own."""
META_KEY = "consent_meta_key"
"""WooCommerce's core has no consent: without this option of the connector there is no place for it."""


def take(core: Core, said: Statement) -> str:
    """Take a statement in and see that others hear of it, in the caller's transaction: ``recorded``, ``echo``
    or ``stale``. A no to all channels is one to each that something is known of. What is said of somebody who
    was merged holds for whom they were merged into: nobody looks at theirs any more."""
    said = replace(said, subject_id=_lock(core, said))
    if said.channel == ALL and answer(said.state) is False:
        for channel in _channels(said):  # before the general word: it would answer for them
            _take(core, replace(said, channel=channel))
    return _take(core, said)


def holding(tenant_id: str, subject_id: str, purpose: str, channel: str) -> models.ConsentCurrent | None:
    """What holds for one purpose and channel: its own newest statement, or a no to all channels that prevails
    over it. None where nobody said anything."""
    row = models.ConsentCurrent
    rows = row.select().where(
        row.tenant_id == tenant_id,
        row.subject_id == subject_id,
        row.purpose == purpose,
        row.channel.in_([channel, ALL]),
    )
    found = {one.channel: one for one in rows}
    own, general = found.get(channel), found.get(ALL)
    if general is None or answer(general.state) is not False or own is general:
        return own
    if own is None or prevails(general.occurred_at, general.state, own.occurred_at, own.state):
        return general
    return own


def retell(core: Core, tenant_id: str, subject_id: str) -> None:
    """Tell every platform of each no that holds: ids that the person got by a merge may know nothing of it."""
    row = models.ConsentCurrent
    rows = row.select().where(row.tenant_id == tenant_id, row.subject_id == subject_id)
    for held in [one for one in rows if answer(one.state) is False and one.purpose == DIRECT_MARKETING]:
        said = Statement(
            tenant_id, subject_id, held.purpose, held.channel, held.state, held.source, held.occurred_at
        )
        for connector in _able(said, held.channel):
            push(core, held, subject_id, connector.id, held.channel)


def barred(subject_id: str, purpose: str) -> bool:
    """Whether the person had their data restricted (GDPR Art. 18) or objected to this purpose (Art. 21): while
    that is in force no yes of theirs goes anywhere."""
    found = limits.of([subject_id]).get(subject_id, limits.NONE)
    return found.restricted or found.forbids(purpose, "consent") is not None


def push(core: Core, held: models.Consent, subject_id: str, connector_id: str, channel: str) -> None:
    """Put what holds on its way to a platform; a workflow of its own takes it there."""
    models.ConsentPush.create(
        id=core.new_id(),
        tenant_id=held.tenant_id,
        subject_id=subject_id,
        connector_id=connector_id,
        purpose=held.purpose,
        channel=channel,
        consent=held.state,
        stated_at=held.occurred_at,
        state="pending",
        created_at=core.clock(),
        force_insert=True,
    )


def _take(core: Core, said: Statement) -> str:
    before = holding(said.tenant_id, said.subject_id, said.purpose, said.channel)
    verdict = _judge(said, before)
    if verdict == RECORDED:
        _append(core, said)
    after = holding(said.tenant_id, said.subject_id, said.purpose, said.channel)
    if after is None:  # an echo where nothing holds: plain SQL took it away
        return verdict
    changed = before is None or before.state != after.state
    if changed:
        announce(core, said.tenant_id, CHANGED, _told(said, before, after))
    if answer(after.state) is not None and said.purpose == DIRECT_MARKETING:
        turned = before is None or answer(before.state) != answer(after.state)
        tied = turned and before is not None and before.occurred_at == after.occurred_at
        for connector in _able(said, said.channel):
            if _owed(said, turned, tied, after, connector.id):
                push(core, after, said.subject_id, connector.id, said.channel)
    return verdict


def _judge(said: Statement, held: models.ConsentCurrent | None) -> str:
    if held is not None and said.event_id is not None and held.event_id == said.event_id:
        return STALE  # the event was replayed, or says it twice
    if consent_echo.repeats(said):
        return STALE
    if consent_echo.is_echo(said, held):
        return ECHO
    if held is not None and not prevails(said.occurred_at, said.state, held.occurred_at, held.state):
        return STALE
    return RECORDED


def _owed(said: Statement, turned: bool, tied: bool, after: models.ConsentCurrent, connector_id: str) -> bool:
    """Whether a platform has to be told (again) of what holds after this statement."""
    if connector_id != said.connector_id:
        return turned
    last, wanted = consent_echo.last_push(said, connector_id), answer(after.state)
    if answer(said.state) == wanted:
        if tied or (turned and wanted is False and said.source in consent_echo.RESTATING):
            return True  # a yes of its may have come later within that moment, or was taken for a repetition
        return consent_echo.overtaken(said, last, wanted=wanted)
    # Its word lost. It needs ours, unless it had it since or a later word of its own holds.
    heard = consent_echo.heard_since(said, last, wanted)
    own = after.occurred_at > moment(said.occurred_at) and consent_echo.connector_of(after) == connector_id
    return not heard and not own


def _able(said: Statement, channel: str | None) -> list[models.Connector]:
    """The tenant's connectors that can hold this channel (any, for None), have an API to be told by, and know
    the person."""
    api, row = models.ConnectorApi, models.Connector
    query = row.select().join(api, on=api.connector_id == row.id)
    query = query.where(row.tenant_id == said.tenant_id, row.disabled_at.is_null())
    wanting = [one for one in query if _can_hold(one, channel)]
    if not wanting:
        return []
    link = models.DataSubjectLink
    rows = link.select(link.scope).where(link.tenant_id == said.tenant_id)
    rows = rows.where(link.subject_id == said.subject_id, link.field == "external_id").distinct()
    known = {str(one.scope) for one in rows}
    return [one for one in wanting if scope_of(one) in known]


def scope_of(connector: models.Connector) -> str:
    """The scope of the ids that a connector's platform gives people: WooCommerce's count anew in every shop."""
    platform = str(connector.platform)
    return f"{platform}:{connector.id}" if platform == "woocommerce" else platform


def _can_hold(connector: models.Connector, channel: str | None) -> bool:
    if connector.platform == "woocommerce" and not str(connector.options.get(META_KEY, "")).strip():
        return False
    channels = _CHANNELS.get(str(connector.platform), frozenset())
    return bool(channels) if channel is None else channel in channels


def _channels(said: Statement) -> list[str]:
    """Every other channel of the purpose: those that something is known of, and those that platforms hold for
    the person, whatever they said there before dxflow listened."""
    row = models.ConsentCurrent
    rows = row.select(row.channel).where(row.tenant_id == said.tenant_id, row.subject_id == said.subject_id)
    found = {str(one.channel) for one in rows.where(row.purpose == said.purpose)}
    if said.purpose == DIRECT_MARKETING:
        found |= {channel for one in _able(said, None) for channel in _CHANNELS[str(one.platform)]}
    return sorted(found - {ALL})


def _lock(core: Core, said: Statement) -> str:
    """One statement after the other about one person: what holds must not change while it is compared. Returns
    who that is today.

    Raises PermanentError for somebody who isn't there any more, or was erased.
    """
    row, subject_id = models.DataSubject, said.subject_id
    while True:
        query = row.select().where(row.tenant_id == said.tenant_id, row.id == subject_id)
        subject = core.store.for_update(query).first()
        if subject is None or subject.state == "erased":
            raise PermanentError("the data subject of this consent isn't there any more")
        if subject.merged_into is None:
            return str(subject.id)
        subject_id = subject.merged_into


def _append(core: Core, said: Statement) -> None:
    models.Consent.create(
        id=core.new_id(),
        tenant_id=said.tenant_id,
        subject_id=said.subject_id,
        purpose=said.purpose,
        channel=said.channel,
        state=said.state,
        source=said.source,
        evidence=dict(said.evidence),
        event_id=said.event_id,
        occurred_at=moment(said.occurred_at),
        recorded_at=core.clock(),
    )


def _told(
    said: Statement, before: models.ConsentCurrent | None, after: models.ConsentCurrent
) -> dict[str, object]:
    return {
        "subject_id": said.subject_id,
        "purpose": said.purpose,
        "channel": said.channel,
        "state": after.state,
        "was": before.state if before else None,
        "source": after.source,
    }
