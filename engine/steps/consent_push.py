"""What holds is told to a platform. push → done

The call is made before the transaction and looked at in it. Before the call what holds is looked at again, so
that an outdated word isn't said; after it once more: a word that was under way while people changed their minds
may have come to the platform after the newer one, and is then followed by another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import unquote

from .. import moments
from ..core import Core
from ..errors import DxflowError, PermanentError
from ..recipients import RECIPIENTS, Api, Target, credentials, woocommerce_consent
from ..recipients.targets import Known, addressed
from ..rights import consent_sync
from ..rights.consent_order import answer
from ..store import models
from .base import Outcome, Prepared, Step

AT_ONCE = 8
"""Platforms told at the same time: one that says nothing keeps nobody else waiting."""


@dataclass(frozen=True, slots=True)
class Word:
    """What a platform is to be told, with all that it takes from the database; ``yes``: they agree."""

    connector: models.Connector
    api: Api
    target: Target
    channel: str
    yes: bool
    stated_at: datetime

    @property
    def state(self) -> str:
        """As platforms are told: a no is a no, whether it takes a yes back or not."""
        return "granted" if self.yes else "withdrawn"


@dataclass(frozen=True, slots=True)
class _Said:
    """The call ended well at ``at``."""

    at: datetime
    receipt: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Silent:
    """Nothing is to be said, and why."""

    reason: str


def calls(core: Core, events: Sequence[models.Event], _: int | None) -> Prepared:
    """Under each event's id what became of its call: what the platform answered, why it wasn't made, or the
    error it ended with."""
    with core.store.reachable():
        found = {event.id: _wish(core, event) for event in events if event.topic.endswith(".INSERT")}
    words = {name: one for name, one in found.items() if isinstance(one, Word)}
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        answers = list(pool.map(lambda word: _answer(core, word), words.values()))
    return {**found, **dict(zip(words, answers, strict=True))}


def push(core: Core, event: models.Event, prepared: Prepared) -> Outcome:
    """Write down what became of the call."""
    row = _row(event)
    if row is None:
        return Outcome("gone", {"change": event.topic})
    ended: _Said | _Silent | Exception | None = prepared.get(event.id)
    if row.state != "pending" or ended is None:
        return Outcome("unchanged", {"push": row.id, "state": row.state})
    if isinstance(ended, Exception):
        raise ended
    leaf = {"push": row.id, "connector": row.connector_id, "channel": row.channel, "consent": row.consent}
    _, holder = _holder(core, row, locked=True)
    if isinstance(ended, _Silent):
        _finish(row, "dropped", core.clock(), reason=ended.reason)
        if event.attempts and holder is not None:  # an attempt that failed may have come through all the same
            _correct(core, row, holder)
        return Outcome("dropped", {**leaf, "reason": ended.reason}, {"subject_id": holder})
    _finish(row, "done", ended.at, receipt=dict(ended.receipt))
    if holder is not None:
        _correct(core, row, holder)
    return Outcome("pushed", leaf, {"subject_id": holder})


def speak(core: Core, word: Word) -> Mapping[str, object]:
    """Tell the platform; its receipt, which names nobody. Raises PermanentError, TransientError."""
    del core
    platform = str(word.connector.platform)
    if platform == "woocommerce":
        return woocommerce_consent.set_consent(
            word.api, word.target, word.connector.options, word.state
        ).as_json()
    tell = RECIPIENTS[platform].set_consent
    if tell is None:
        raise PermanentError(f"{platform} holds no consent")
    return tell(word.api, word.target, word.channel, word.state, word.stated_at).as_json()


def _answer(core: Core, word: Word) -> _Said | Exception:
    try:
        receipt = speak(core, word)
    except Exception as error:  # noqa: BLE001  # it is the event's own, and raised where its step runs
        return error
    return _Said(core.clock(), receipt)


def _wish(core: Core, event: models.Event) -> Word | _Silent | Exception | None:
    row = _row(event)
    if row is None or row.state != "pending":
        return None
    try:
        word = _word(core, row)
    except DxflowError as error:
        return error
    if isinstance(word, Word):
        with core.store.transaction():  # before the call: its echo may be faster than its answer
            row.calls = [*row.calls, moments.to_text(core.clock())]
            row.save(only=["calls"])
    return word


def _word(core: Core, row: models.ConsentPush) -> Word | _Silent:
    """What is to be said now. A yes that people took back, at this moment or later, is never said."""
    subject, holder = _holder(core, row)
    if subject is None or holder is None:
        return _Silent("erased")
    held = consent_sync.holding(row.tenant_id, holder, row.purpose, row.channel)
    yes = answer(row.consent)
    if held is None or yes is None or answer(held.state) != yes:
        return _Silent("outdated")
    if _newer(row):
        return _Silent("superseded")
    if yes and consent_sync.barred(holder, row.purpose):
        return _Silent("objected")
    connector = models.Connector.get_or_none(id=row.connector_id, tenant_id=row.tenant_id, disabled_at=None)
    api = credentials.apis(core, row.tenant_id, [row.connector_id]).get(row.connector_id)
    if connector is None or api is None:
        return _Silent("no_api")
    target = _target(core, subject, str(connector.id))
    if not target.ids:
        return _Silent("unknown_there")
    return Word(connector, replace(api, reference=row.id), target, row.channel, yes, held.occurred_at)


def _holder(
    core: Core, row: models.ConsentPush, *, locked: bool = False
) -> tuple[models.DataSubject | None, str | None]:
    """Whose consent it is now, and their id: who was merged at the platform goes by the one that was kept."""
    subject_id: str | None = row.subject_id
    subject = None
    while subject_id is not None:
        query = models.DataSubject.select().where(models.DataSubject.id == subject_id)
        subject = (core.store.for_update(query) if locked else query).first()
        subject_id = None if subject is None else subject.merged_into
    if subject is None or subject.state == "erased":
        return None, None
    return subject, str(subject.id)


def _target(core: Core, subject: models.DataSubject, connector_id: str) -> Target:
    """As whom the person is known to a connector: a link keeps each of their ids, a profile only the last."""
    link, key = models.DataSubjectLink, core.subjects.profiles.key(subject)
    rows = list(link.select().where(link.subject_id == subject.id).order_by(link.id))
    told = [(str(row.field), str(row.scope), core.subjects.links.value(row, key)) for row in rows]
    values = [(field, scope, raw.decode("utf-8", "surrogatepass")) for field, scope, raw in told if raw]
    known = Known(
        frozenset(value for field, _, value in values if field == "email"),
        frozenset(value for field, _, value in values if field == "phone"),
        frozenset((scope, _own_id(scope, value)) for field, scope, value in values if field == "external_id"),
    )
    found = addressed(subject.tenant_id, [subject.id], known)
    return next((one.target for one in found if one.connector_id == connector_id), Target())


def _own_id(scope: str, value: str) -> str:
    """The id of ``scope:id``, as ``normalise.external_id`` spells it."""
    return unquote(value.removeprefix(f"{scope}:"), errors="surrogatepass")


def _correct(core: Core, row: models.ConsentPush, holder: str) -> None:
    """Say what holds (again) where this call may have been the last the platform heard, and said otherwise."""
    held = consent_sync.holding(row.tenant_id, holder, row.purpose, row.channel)
    if held is None or answer(held.state) is None:
        return
    if answer(held.state) == answer(row.consent):
        return
    if not any(not one.calls and answer(one.consent) == answer(held.state) for one in _waiting(row)):
        consent_sync.push(core, held, holder, row.connector_id, row.channel)


def _newer(row: models.ConsentPush) -> bool:
    return any((one.created_at, one.id) > (row.created_at, row.id) for one in _waiting(row))


def _waiting(row: models.ConsentPush) -> list[models.ConsentPush]:
    """Other words about this consent that are on their way to the same platform."""
    one = models.ConsentPush
    query = one.select().where(one.tenant_id == row.tenant_id, one.subject_id == row.subject_id)
    query = query.where(one.purpose == row.purpose, one.channel == row.channel, one.id != row.id)
    return list(query.where(one.connector_id == row.connector_id, one.state == "pending"))


def _finish(row: models.ConsentPush, state: str, at: datetime, **more: object) -> None:
    changed = {"state": state, "finished_at": at, **more}
    for name, value in changed.items():
        setattr(row, name, value)
    row.save(only=list(changed))


def _row(event: models.Event) -> models.ConsentPush | None:
    found: models.ConsentPush | None = models.ConsentPush.get_or_none(
        id=event.entity_id, tenant_id=event.tenant_id
    )
    return found


STEPS = {"push": Step(push, calls)}
