"""Three platforms that repeat whatever they are told, people who change their minds at any of them, and a post
that is late, double and out of order. All of it by chance, from a seed."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

import bodies
from flow import HandClock, Sender, drain

from dxflow.engine import moments
from dxflow.engine.core import Core
from dxflow.engine.errors import TransientError
from dxflow.engine.steps.consent_push import Word
from dxflow.engine.store import models

START = datetime(2099, 3, 3, tzinfo=UTC)
META = "newsletter"


@dataclass
class World:
    """``holds`` is what each platform holds of each person, ``truth`` what people said last."""

    core: Core
    clock: HandClock
    chance: random.Random
    senders: Mapping[str, Sender]
    lag: float = 0
    """Seconds that an echo's time may lie after the change."""
    holds: dict[tuple[str, int], bool] = field(default_factory=dict)
    truth: dict[int, tuple[datetime, bool]] = field(default_factory=dict)
    diary: list[tuple[int, str]] = field(default_factory=list)
    """What happened, by person, for who looks into a failure."""
    _agenda: list[tuple[datetime, int, Callable[[], object]]] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def at(self, when: datetime, act: Callable[[], object]) -> None:
        heapq.heappush(self._agenda, (when, next(self._numbers), act))

    def say(self, platform: str, person: int, yes: bool) -> None:
        """Somebody changes their mind at a platform; where it is the same mind, nothing is said."""
        if self.holds.get((platform, person)) == yes:
            return
        now = self.clock.now.replace(microsecond=0)
        self._note(person, f"says {yes} at {platform}")
        self.holds[platform, person] = yes
        before = self.truth.get(person)
        if before is None or (now, not yes) > (before[0], not before[1]):
            self.truth[person] = now, yes
        self._post(platform, person, yes, now)

    def edit(self, person: int) -> None:
        """Something else changes in WooCommerce's record, which shows the consent along with it."""
        held = self.holds.get(("woocommerce", person))
        if held is not None:
            self._post("woocommerce", person, held, self.clock.now.replace(microsecond=0))

    def speak(self, _: Core, word: Word) -> Mapping[str, object]:
        """The platform's API: now and then it fails, with or without having done its work."""
        luck = self.chance.random()
        person = _person(str(word.connector.platform), word.target.ids[0])
        if luck > 0.1:
            platform = str(word.connector.platform)
            changed = self.holds.get((platform, person)) != word.yes
            self.holds[platform, person] = word.yes
            self._note(person, f"{platform} is told {word.yes}{', unheard' if luck < 0.25 else ''}")
            if changed or self.chance.random() < 0.3:
                late = timedelta(seconds=self.chance.uniform(0, self.lag))
                self._post(platform, person, word.yes, self.clock.now + late)
        self.clock.forward(self.chance.choice((0.05, 0.4)))
        if luck < 0.25:
            raise TransientError("no answer")
        return {}

    def run(self, *, most: int) -> None:
        """Until nothing is to come any more. Raises AssertionError when it never ends."""
        acts = 0
        while self._agenda or self._waiting():
            acts += 1
            assert acts < most, "the platforms never come to rest"
            if self._agenda:
                when, _, act = heapq.heappop(self._agenda)
                self.clock.now = max(self.clock.now, when)
                act()
            else:
                self.clock.forward(700)  # what failed is tried again
            if self.chance.random() < 0.6 or not self._agenda:
                drain(self.core)

    def _waiting(self) -> bool:
        event = models.Event
        return event.select().where(event.workflow == "consent_push", event.state == "retrying").exists()

    def _post(self, platform: str, person: int, yes: bool, at: datetime) -> None:
        body = _body(platform, person, yes, at)
        for _ in range(self.chance.choice((1, 1, 2))):
            delay = self.chance.choice((12, 40, 100, 900, 4000)) + self.chance.uniform(0, 20)
            self.at(
                max(at, self.clock.now) + timedelta(seconds=delay),
                partial(self._deliver, platform, person, body, f"{yes} of {at:%H:%M:%S}"),
            )

    def _note(self, person: int, what: str) -> None:
        self.diary.append((person, f"{self.clock.now:%H:%M:%S} {what}"))

    def _deliver(self, platform: str, person: int, body: object, told: str) -> None:
        self._note(person, f"{platform} delivers {told}")
        topics = {
            "shopify": "customers_email_marketing_consent/update",
            "woocommerce": "customer.updated",
        }
        kind = (
            "subscribe" if isinstance(body, bytes) and body.startswith(b"type=subscribe") else "unsubscribe"
        )
        self.senders[platform].send(topics.get(platform, kind), body)


def _body(platform: str, person: int, yes: bool, at: datetime) -> object:
    if platform == "shopify":
        state = "subscribed" if yes else "unsubscribed"
        return bodies.email_consent(state, moments.to_text(at), person)
    if platform == "mailchimp":
        fields = bodies.member(person) if yes else {"action": "unsub", **bodies.member(person)}
        return bodies.mailchimp("subscribe" if yes else "unsubscribe", f"{at:%Y-%m-%d %H:%M:%S}", **fields)
    meta = [{"key": META, "value": "yes" if yes else "no"}]
    return bodies.woo_customer(person, meta_data=meta, date_modified_gmt=f"{at:%Y-%m-%dT%H:%M:%S}")


def _person(platform: str, identifier: str) -> int:
    """Whose id this is at a platform, as ``bodies`` makes them."""
    if platform == "shopify":
        return int(identifier) - bodies.shopify_id(0)
    return int(identifier.rpartition(":m")[2] if platform == "mailchimp" else identifier)
