"""What holds reaches every platform, once, and what comes back as an echo goes no further."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import bodies
import mailchimp_server
import pytest
import shopify_server
import woocommerce_server
from consent_world import META, START, World
from flow import HandClock, Sender, advance, drain, run
from mailchimp_server import Mailchimp
from recipients_servers import Playing, playing
from shopify_server import Shopify, shopper
from woocommerce_server import WooCommerce

from dxflow.engine.core import Core
from dxflow.engine.erasing import erasure
from dxflow.engine.outbox import Dispatch
from dxflow.engine.outgoing import Outgoing
from dxflow.engine.recipients import RECIPIENTS, credentials
from dxflow.engine.rights import consent_sync
from dxflow.engine.services.subjects import consents
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.steps import consent_push
from dxflow.engine.steps.consent_push import Word
from dxflow.engine.store import models, scope

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

PLATFORMS = ("shopify", "mailchimp", "woocommerce")
CREDENTIALS = {
    "shopify": {"access_token": shopify_server.TOKEN},
    "mailchimp": {"api_key": mailchimp_server.KEY},
    "woocommerce": {"consumer_key": woocommerce_server.KEY, "consumer_secret": woocommerce_server.SECRET},
}


def reachable(
    core: Core, tenant: NewTenant, platform: str, url: str = "https://api.example", **options: str
) -> Sender:
    """A connector with an API to be told by."""
    sender = Sender(core, tenant.controller.id, platform, options)
    credentials.keep(core, sender.connector, url, CREDENTIALS[platform])
    return sender


@pytest.fixture
def senders(core: Core, tenant: NewTenant) -> dict[str, Sender]:
    options = {"woocommerce": {"consent_meta_key": META}}
    return {name: reachable(core, tenant, name, **options.get(name, {})) for name in PLATFORMS}


@pytest.fixture
def world(
    core: Core, clock: HandClock, senders: dict[str, Sender], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., World]:
    """A world from a seed, in which everybody is known to all platforms."""

    def make(seed: int, people: int, lag: float = 0) -> World:
        made = World(core, clock, random.Random(seed), senders, lag)
        monkeypatch.setattr(consent_push, "speak", made.speak)
        monkeypatch.setattr(consent_push, "AT_ONCE", 1)  # chance must fall alike each time
        for person in range(1, people + 1):
            everybody_knows(senders, person)
        drain(core)
        clock.now = START
        return made

    return make


def everybody_knows(senders: Mapping[str, Sender], person: int) -> None:
    """Each platform tells of a customer, and of no consent."""
    customer = {"id": bodies.shopify_id(person), "email": f"person{person}@shop.example"}
    senders["shopify"].send("customers/create", {**customer, "updated_at": "2026-03-01T08:00:00Z"})
    senders["mailchimp"].send(
        "profile", bodies.mailchimp("profile", "2026-03-01 08:00:00", **bodies.member(person))
    )
    senders["woocommerce"].send("customer.created", bodies.woo_customer(person))


def about_to_say_yes(core: Core, senders: Mapping[str, Sender]) -> list[Dispatch]:
    """Somebody agrees at the first platform; the calls that tell the others, which wait for their turn."""
    everybody_knows(senders, 1)
    drain(core)
    senders["shopify"].send(EMAIL, bodies.email_consent("subscribed", NINE))
    advance(core, "push")
    waiting = advance(core, "push")
    assert len(waiting) == 1
    return waiting


def people_change_their_minds(made: World, people: range, platforms: tuple[str, ...], every: int) -> None:
    """Each a few times, at full multiples of so many minutes: some of them at one moment at two platforms."""
    for person in people:
        for _ in range(made.chance.choice((1, 2, 3, 5))):
            when = START + timedelta(minutes=every * made.chance.randrange(1, 9))
            platform, yes = made.chance.choice(platforms), made.chance.random() < 0.5
            made.at(when, partial(made.say, platform, person, yes))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_platforms_that_repeat_what_they_hear_come_to_rest_at_what_people_said_last(
    world: Callable[..., World], seed: int
) -> None:
    """Late, twice, out of order, dated by the platforms' own clocks, with calls that fail, with ties."""
    made, people = world(seed, 6), range(1, 7)
    people_change_their_minds(made, people, ("shopify", "mailchimp"), every=10)
    made.run(most=3000)
    wanted = {person: made.truth[person][1] for person in people}
    for platform in PLATFORMS:
        assert {person: made.holds[platform, person] for person in people} == wanted, platform
    assert not models.ConsentPush.select().where(models.ConsentPush.state == "pending").exists()


@pytest.mark.parametrize("seed", [1, 2])
def test_where_a_platform_shows_whole_records_or_dates_its_echoes_late_no_no_is_ever_lost(
    world: Callable[..., World], seed: int
) -> None:
    """Some yes may be: the person is asked again. All platforms end alike whatever happens."""
    made, people = world(seed, 6, lag=200), range(1, 7)
    people_change_their_minds(made, people, PLATFORMS, every=7)
    for minute in range(3, 90, 4):
        made.at(START + timedelta(minutes=minute, seconds=30), partial(made.edit, made.chance.choice(people)))
    made.run(most=3000)
    for person in people:
        (held,) = {made.holds[platform, person] for platform in PLATFORMS}
        assert held is False or made.truth[person][1] is True, person


EMAIL = "customers_email_marketing_consent/update"
NINE, TEN, ELEVEN = ("2026-03-01T09:00:00Z", "2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z")


@pytest.fixture
def spoken(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, bool]]:
    """What the platforms were told: (platform, channel, yes)."""
    told: list[tuple[str, str, bool]] = []

    def speak(_: Core, word: Word) -> Mapping[str, object]:
        told.append((str(word.connector.platform), word.channel, word.yes))
        return {}

    monkeypatch.setattr(consent_push, "speak", speak)
    return told


def subject_of(person: int = 1) -> str:
    return str(models.Event.select().where(models.Event.subject_id.is_null(False)).first().subject_id)


def pushes() -> list[tuple[str, str, str | None]]:
    rows = models.ConsentPush.select().order_by(models.ConsentPush.created_at)
    return [(row.consent, row.state, row.reason) for row in rows]


def test_only_platforms_that_know_the_person_and_can_be_called_are_told(
    core: Core, tenant: NewTenant, senders: dict[str, Sender], spoken: list[tuple[str, str, bool]]
) -> None:
    Sender(core, tenant.controller.id, "mailchimp")  # without an API
    everybody_knows(senders, 1)
    everybody_knows({**senders, "woocommerce": senders["woocommerce"]}, 2)
    senders["shopify"].send("customers/create", {"id": bodies.shopify_id(3), "email": "person3@shop.example"})
    drain(core)
    for person in (1, 3):
        senders["shopify"].send(EMAIL, bodies.email_consent("subscribed", NINE, person))
    drain(core)
    assert sorted(spoken) == [("mailchimp", "email", True), ("woocommerce", "email", True)]


def test_texts_go_to_shopify_alone_and_what_is_neither_yes_nor_no_to_nobody(
    core: Core, senders: dict[str, Sender], spoken: list[tuple[str, str, bool]]
) -> None:
    everybody_knows(senders, 1)
    drain(core)
    for state in ("pending", "not_subscribed"):
        senders["shopify"].send(EMAIL, bodies.email_consent(state, NINE))
    senders["shopify"].send("customers_marketing_consent/update", bodies.sms_consent("subscribed", NINE))
    drain(core)
    assert spoken == []
    consents.state(
        core,
        senders["shopify"].tenant_id,
        subject_of(),
        "direct marketing",
        "sms",
        "withdrawn",
        actor="system",
    )
    drain(core)
    assert spoken == [("shopify", "sms", False)]


def test_a_repeated_statement_is_told_to_nobody_twice(
    core: Core, senders: dict[str, Sender], spoken: list[tuple[str, str, bool]]
) -> None:
    everybody_knows(senders, 1)
    drain(core)
    for at in (NINE, TEN, ELEVEN):
        senders["shopify"].send(EMAIL, bodies.email_consent("unsubscribed", at))
        drain(core)
    assert len(spoken) == 2


def test_a_yes_that_was_overtaken_before_its_turn_is_never_said(
    core: Core, senders: dict[str, Sender], spoken: list[tuple[str, str, bool]]
) -> None:
    waiting = about_to_say_yes(core, senders)
    fields = {"action": "unsub", **bodies.member(1)}
    senders["mailchimp"].send("unsubscribe", bodies.mailchimp("unsubscribe", "2026-03-01 09:00:00", **fields))
    drain(core)
    for dispatch in waiting:
        run(core, dispatch)
    drain(core)
    assert all(not yes for _, _, yes in spoken)
    assert ("granted", "dropped", "outdated") in pushes()
    assert {platform for platform, _, _ in spoken} >= {"shopify", "woocommerce"}


def test_an_objection_keeps_a_yes_back_and_lets_a_no_through(
    core: Core, senders: dict[str, Sender], spoken: list[tuple[str, str, bool]]
) -> None:
    everybody_knows(senders, 1)
    drain(core)
    models.SubjectLimit.create(
        id=core.new_id(), tenant_id=senders["shopify"].tenant_id, subject_id=subject_of(), kind="objection",
        purpose="direct marketing", began_at=core.clock(), force_insert=True,
    )  # fmt: skip
    senders["shopify"].send(EMAIL, bodies.email_consent("subscribed", NINE))
    drain(core)
    assert spoken == []
    assert pushes() == [("granted", "dropped", "objected")] * 2
    senders["shopify"].send(EMAIL, bodies.email_consent("unsubscribed", TEN))
    drain(core)
    assert [yes for _, _, yes in spoken] == [False, False]


def test_a_no_to_all_channels_is_one_to_each(
    core: Core, senders: dict[str, Sender], spoken: list[tuple[str, str, bool]]
) -> None:
    everybody_knows(senders, 1)
    drain(core)
    senders["shopify"].send(EMAIL, bodies.email_consent("subscribed", NINE))
    drain(core)
    spoken.clear()
    consents.state(
        core,
        senders["shopify"].tenant_id,
        subject_of(),
        "direct marketing",
        "all",
        "withdrawn",
        actor="system",
    )
    drain(core)
    told = [("mailchimp", "email"), ("shopify", "email"), ("shopify", "sms"), ("woocommerce", "email")]
    assert sorted(spoken) == [(platform, channel, False) for platform, channel in told]
    assert {row.state for row in models.ConsentCurrent.select()} == {"withdrawn"}


def test_after_a_merge_the_more_private_word_of_both_holds_and_is_told_everywhere(
    core: Core, senders: dict[str, Sender], spoken: list[tuple[str, str, bool]]
) -> None:
    everybody_knows(senders, 1)
    senders["shopify"].send("customers/create", {"id": bodies.shopify_id(2), "email": "person2@shop.example"})
    drain(core)
    senders["shopify"].send(EMAIL, bodies.email_consent("subscribed", NINE, 1))
    senders["shopify"].send(EMAIL, bodies.email_consent("unsubscribed", NINE, 2))
    drain(core)
    spoken.clear()
    senders["shopify"].send("customers/merge", bodies.merge(1, 2))
    drain(core)
    kept = models.DataSubject.get(models.DataSubject.state == "active").id
    held = consent_sync.holding(senders["shopify"].tenant_id, kept, "direct marketing", "email")
    assert held is not None
    assert held.state == "withdrawn"
    assert {(platform, yes) for platform, _, yes in spoken} == {(name, False) for name in PLATFORMS}


def test_a_call_that_a_newer_word_overtook_is_followed_by_that_word_again(
    core: Core, senders: dict[str, Sender], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the call with the yes is under way people take it back, and Mailchimp hears that first."""
    everybody_knows(senders, 1)
    drain(core)
    told: list[tuple[str, bool]] = []

    def speak(_: Core, word: Word) -> Mapping[str, object]:
        platform = str(word.connector.platform)
        if word.yes and platform == "mailchimp":
            tenant_id, subject = word.connector.tenant_id, subject_of()
            consents.state(core, tenant_id, subject, "direct marketing", "email", "withdrawn", actor="system")
            drain(core)
            assert ("mailchimp", False) in told
        told.append((platform, word.yes))
        return {}

    monkeypatch.setattr(consent_push, "speak", scope.everyone("a platform's own thread")(speak))
    senders["shopify"].send(EMAIL, bodies.email_consent("subscribed", NINE))
    drain(core)
    for platform in PLATFORMS:
        assert [yes for name, yes in told if name == platform][-1] is False, platform
    assert [yes for name, yes in told if name == "mailchimp"] == [False, True, False]


def test_nobody_who_was_erased_is_spoken_of(
    core: Core, senders: dict[str, Sender], spoken: list[tuple[str, str, bool]]
) -> None:
    waiting = about_to_say_yes(core, senders)
    erasure.erase(core, senders["shopify"].tenant_id, subject_of(), "system", reason="request")
    for dispatch in waiting:
        run(core, dispatch)
    drain(core)
    assert spoken == []
    assert {reason for _, _, reason in pushes()} == {"erased"}


@pytest.fixture(scope="module")
def shops() -> Iterator[dict[str, Playing]]:
    """Platforms that answer as their public contracts say."""
    servers: dict[str, Playing] = {
        "shopify": Shopify(), "mailchimp": Mailchimp(), "woocommerce": WooCommerce()
    }  # fmt: skip
    with ExitStack() as stack:
        for server in servers.values():
            stack.enter_context(playing(server))
        yield servers


def test_each_platform_is_told_in_its_own_words_over_its_own_api(
    core: Core, tenant: NewTenant, shops: dict[str, Any]
) -> None:
    able = replace(core, outgoing=Outgoing(core.clock, (ipaddress.ip_network("127.0.0.0/8"),)))
    options: dict[str, dict[str, str]] = {"woocommerce": {"consent_meta_key": META}}
    senders = {
        name: reachable(able, tenant, name, shops[name].url, **options.get(name, {})) for name in PLATFORMS
    }
    customer = str(bodies.shopify_id(1))
    shops["shopify"].customers[customer] = shopper(email="person1@shop.example")
    shops["mailchimp"].join("a6b5da1054", "person1@shop.example")
    shops["woocommerce"].customers["1"] = {"email": "person1@shop.example"}
    everybody_knows(senders, 1)
    drain(able)
    stated = {"subject_id": subject_of(), "purpose": "direct marketing", "channel": "email"}
    consents.state(able, tenant.controller.id, **stated, state="denied", actor="system")
    drain(able)
    assert shops["shopify"].customers[customer]["email_state"] == "UNSUBSCRIBED"
    member = shops["mailchimp"].members["a6b5da1054", mailchimp_server.hashed("person1@shop.example")]
    assert member["status"] == "unsubscribed"
    assert shops["woocommerce"].customers["1"]["meta_data"] == [{"key": META, "value": "no"}]
    assert [state for _, state, _ in pushes()] == ["done"] * 3
    leaf = models.AuditEntry.select().where(models.AuditEntry.leaf.contains('"pushed"')).first().leaf
    assert "person1" not in leaf


def test_what_platforms_are_asked_to_hold_is_what_their_apis_can(store: object) -> None:
    del store
    for name, channels in consent_sync._CHANNELS.items():
        assert channels == RECIPIENTS[name].channels or name == "woocommerce"
    assert {name for name, one in RECIPIENTS.items() if one.set_consent} < set(consent_sync._CHANNELS)
