"""What stands beside the queue: messages, obligations, marks, the desk's settings, its agents, its webhooks."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from dataclasses import replace

import pytest
from drp_agent import Agent
from flow import Sender, customer
from visitors import BOTH, Visitor

from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.desk import actions, by_agents, settings
from dxflow.engine.erasing import erasure
from dxflow.engine.fulfilment import limiting
from dxflow.engine.outgoing import Outgoing, Place
from dxflow.engine.platforms.base import Person
from dxflow.engine.services import tenants
from dxflow.engine.services.rights import privacy_agents, requests, suppressions
from dxflow.engine.services.subjects import subjects
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

As = Callable[[Role], Visitor]
KEY = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="  # RFC 8032 section 7.1, test 1


@pytest.fixture
def core(core: Core) -> Core:
    """Every name leads to a public address, at which nobody is called."""
    place = Place(socket.AF_INET, ("1.1.1.1", 443))
    return replace(core, outgoing=Outgoing(core.clock, resolve=lambda _name, _port: [place]))


@pytest.fixture
def other(core: Core) -> str:
    """Another data controller."""
    return str(tenants.create(core, "Other Shop", "FR").controller.id)


def kinds() -> list[str]:
    return [row.kind for row in models.AuditEntry.select().order_by(models.AuditEntry.seq)]


class TestMessages:
    @pytest.fixture
    def denied(self, core: Core, tenant: NewTenant, drain: Callable[[], int]) -> models.RightsRequest:
        """A request that was denied where there is no mail server."""
        mine = tenant.controller.id
        row = requests.create(core, mine, "key:1", "access", Person("canary@person.example"))
        actions.reject(core, mine, row.id, "system", "no_match", "We looked everywhere.")
        drain()
        return row

    def message(self) -> models.Message:
        return models.Message.get(kind="denial")

    def test_what_couldnt_be_sent_is_read_once_somebody_asks_and_that_is_logged(
        self, dpo: Visitor, denied: models.RightsRequest
    ) -> None:
        here = f"/dashboard/requests/{denied.id}"
        assert "We looked everywhere." not in dpo.get(here).text
        assert "personal_data.read" not in kinds()
        dpo.post(f"{here}/messages/{self.message().id}")
        assert "We looked everywhere." in dpo.text
        assert "To canary@person.example" in dpo.text
        assert kinds().count("personal_data.read") == 1

    def test_it_is_sent_after_all_or_withdrawn(self, dpo: Visitor, denied: models.RightsRequest) -> None:
        here, message = f"/dashboard/requests/{denied.id}", self.message().id
        dpo.get(here)
        dpo.post(f"{here}/messages/{message}/decide", {"act": "send"})
        assert self.message().state == "pending"
        dpo.post(f"{here}/messages/{message}/decide", {"act": "withdraw"})
        assert (self.message().state, self.message().text_sealed) == ("withdrawn", None)
        dpo.post(f"{here}/messages/{message}/decide", {"act": "withdraw"})
        assert dpo.page.status_code == 422
        assert "This message is withdrawn." in dpo.text

    def test_a_message_is_reached_through_its_own_request_alone(
        self, dpo: Visitor, core: Core, tenant: NewTenant, denied: models.RightsRequest
    ) -> None:
        another = requests.create(core, tenant.controller.id, "key:1", "access", Person("eve@else.example"))
        dpo.get(f"/dashboard/requests/{another.id}")
        where = f"/dashboard/requests/{another.id}/messages/{self.message().id}"
        assert dpo.post(where).status_code == 404
        dpo.get("/dashboard/")
        assert dpo.post(f"/dashboard/requests/{denied.id}/messages/nonsense").status_code == 404

    def test_who_may_see_nobody_reads_no_message(self, sign_in_as: As, denied: models.RightsRequest) -> None:
        reader = sign_in_as(Role.MEMBER)
        reader.get(f"/dashboard/requests/{denied.id}")
        assert "Read it" not in reader.text
        where = f"/dashboard/requests/{denied.id}/messages/{self.message().id}"
        assert reader.post(where).status_code == 403
        assert reader.post(f"{where}/decide", {"act": "withdraw"}).status_code == 403

    def test_the_letter_can_be_read_before_it_is_written(
        self, dpo: Visitor, core: Core, tenant: NewTenant
    ) -> None:
        row = requests.create(core, tenant.controller.id, "key:1", "access", Person("ada@shop.example"))
        dpo.get(f"/dashboard/requests/{row.id}")
        assert "We can't do what you asked for." in dpo.text
        assert "Your request takes longer" in dpo.text
        assert models.Message.select().where(models.Message.request_id == row.id).count() == 0


class TestObligations:
    @pytest.fixture
    def owed(self, core: Core, tenant: NewTenant, drain: Callable[[], int]) -> models.Obligation:
        """Shopify has to hear of an opt-out, by hand."""
        shop = Sender(core, tenant.controller.id)
        shop.send("customers/create", customer(1))
        drain()
        subject_id = models.Event.get(workflow="webhook").subject_id
        limiting.put(core, tenant.controller.id, subject_id, "sale_opt_out", "", None, "system")
        return models.Obligation.get()

    @BOTH
    def test_all_that_is_open_stands_there_the_oldest_first(
        self, dpo: Visitor, owed: models.Obligation
    ) -> None:
        dpo.get("/dashboard/obligations")
        assert "Shopify sell and share no more manual" in dpo.text
        assert "All open 1 Needs you 1 Under way" in dpo.text
        dpo.get("/dashboard/obligations?view=under_way")
        assert "Nothing is under way" in dpo.text
        assert dpo.get("/dashboard/obligations?view=nonsense").status_code == 422
        assert owed.state == "manual"

    @BOTH
    def test_a_long_list_goes_on_without_repeating(self, dpo: Visitor, core: Core, tenant: NewTenant) -> None:
        at = core.clock()  # many of one moment
        for _ in range(60):
            row = {"id": core.new_id(), "tenant_id": tenant.controller.id, "kind": "erase"}
            said = {"recipient": "stripe", "state": "failed", "receipt": {}, "created_at": at}
            models.Obligation.create(**row, **said, force_insert=True)
        seen, address = list[str](), "/dashboard/obligations?view=person"
        while address:
            dpo.get(address)
            seen += re.findall(r'class="subject" href="/dashboard/obligations/([^"]+)"', dpo.page.text)
            found = re.search(r'href="([^"]+)" rel="next"', dpo.page.text)
            address = found[1].replace("&amp;", "&") if found else ""
        assert len(seen) == len(set(seen)) == 60

    def test_whom_it_is_about_is_shown_once_it_is_logged(self, dpo: Visitor, owed: models.Obligation) -> None:
        dpo.get(f"/dashboard/obligations/{owed.id}")
        assert "Ids there" not in dpo.text
        before = kinds().count("personal_data.read")
        dpo.post(f"/dashboard/obligations/{owed.id}")
        assert "Ids there" in dpo.text
        assert kinds().count("personal_data.read") == before + 1

    def test_it_is_closed_with_what_was_done(self, dpo: Visitor, owed: models.Obligation) -> None:
        here = f"/dashboard/obligations/{owed.id}"
        dpo.get(here)
        dpo.post(f"{here}/close", {"reason": " ", "remains": "invoices"})
        assert dpo.page.status_code == 422
        assert "Must have 1 to 2000 characters." in dpo.text
        assert "invoices" in dpo.page.text
        dpo.post(f"{here}/close", {"reason": "Told them by telephone.", "remains": "invoices"})
        row = models.Obligation.get()
        assert (row.state, row.remains, row.target_sealed) == ("closed", "invoices", None)
        assert "Closed. Your reason lies sealed" in dpo.text
        dpo.get(here)
        assert "Told them by telephone." in dpo.text
        assert "Forgotten: it is over" in dpo.text
        assert dpo.post(f"{here}/close", {"reason": "again"}).status_code == 422
        assert "This obligation is closed already." in dpo.text

    def test_it_is_asked_again_by_whoever_may_act(self, sign_in_as: As, owed: models.Obligation) -> None:
        developer = sign_in_as(Role.DEVELOPER)
        here = f"/dashboard/obligations/{owed.id}"
        developer.get(here)
        assert "Closing by hand takes one of owner" in developer.text
        assert developer.post(f"{here}/close", {"reason": "x"}).status_code == 403
        developer.get(here)
        developer.post(f"{here}/retry")
        assert models.Obligation.get().state == "pending"
        assert sign_in_as(Role.AUDITOR).post(f"{here}/retry").status_code == 403

    def test_another_controllers_is_a_page_that_isnt_there(
        self, dpo: Visitor, owed: models.Obligation, other: str
    ) -> None:
        models.Obligation.update(tenant_id=other).execute()
        for tail in ("", "/retry", "/close"):
            dpo.get("/dashboard/")
            assert dpo.post(f"/dashboard/obligations/{owed.id}{tail}", {"reason": "x"}).status_code == 404
        assert dpo.get(f"/dashboard/obligations/{owed.id}").status_code == 404
        assert dpo.get("/dashboard/obligations/nonsense").status_code == 404


class TestSuppressions:
    @pytest.fixture
    def erased(self, core: Core, tenant: NewTenant, drain: Callable[[], int]) -> str:
        """The address of somebody who was erased."""
        mine = tenant.controller.id
        subject, _ = subjects.enter(core, mine, Person("gone@person.example"), "system")
        drain()
        erasure.erase(core, mine, subject.id, "system", reason="request", suppress=True)
        assert models.Suppression.select().count() == 1
        return "gone@person.example"

    @BOTH
    def test_somebody_is_looked_up_without_a_trace_but_in_the_log(self, dpo: Visitor, erased: str) -> None:
        dpo.get("/dashboard/suppressions")
        assert "An e-mail address in force" in dpo.text
        dpo.post("/dashboard/suppressions", {"email": erased.upper()})
        assert "are kept out by 1 mark." in dpo.text
        assert erased not in dpo.page.text.lower()
        dpo.post("/dashboard/suppressions", {"email": "nobody@person.example"})
        assert "Nobody is kept out by this" in dpo.text
        leaves = [json.loads(row.leaf) for row in models.AuditEntry.select()]
        asked = [leaf for leaf in leaves if leaf["kind"] == "personal_data.read"]
        assert [leaf["page"] for leaf in asked] == ["suppressions", "suppressions"]
        dpo.post("/dashboard/suppressions")
        assert "Give an e-mail address or a telephone number." in dpo.text

    @BOTH
    def test_a_mark_is_lifted_with_a_reason(self, dpo: Visitor, erased: str) -> None:
        dpo.get("/dashboard/suppressions")
        mark = models.Suppression.get().id
        dpo.post("/dashboard/suppressions/lift", {"suppression": mark, "reason": ""})
        assert dpo.page.status_code == 422
        dpo.post("/dashboard/suppressions/lift", {"suppression": mark, "reason": "They ordered again."})
        assert "Lifted. From now on" in dpo.text
        assert models.Suppression.get().lifted_at is not None
        dpo.post("/dashboard/suppressions/lift", {"suppression": mark, "reason": "again"})
        assert "Nobody is kept out by this." in dpo.text
        assert (
            dpo.post("/dashboard/suppressions/lift", {"suppression": "x", "reason": "y"}).status_code == 404
        )
        assert erased

    def test_looking_up_takes_who_may_see_people_and_lifting_who_may_erase(
        self, sign_in_as: As, erased: str
    ) -> None:
        auditor = sign_in_as(Role.AUDITOR)
        auditor.get("/dashboard/suppressions")
        assert "Is somebody kept out?" not in auditor.text
        assert "Lift the mark" not in auditor.text
        assert auditor.post("/dashboard/suppressions", {"email": erased}).status_code == 403
        mark = {"suppression": models.Suppression.get().id, "reason": "x"}
        assert auditor.post("/dashboard/suppressions/lift", mark).status_code == 403

    def test_another_controllers_marks_are_not_shown(self, dpo: Visitor, erased: str, other: str) -> None:
        models.Suppression.update(tenant_id=other).execute()
        assert "Nobody is kept out" in dpo.get("/dashboard/suppressions").text
        dpo.post("/dashboard/suppressions", {"email": erased})
        assert "Nobody is kept out by this" in dpo.text
        assert suppressions.listing(other).rows


class TestTheDesk:
    def fields(self, page: Visitor) -> dict[str, str]:
        """What the form has as it stands, as a browser would send it."""
        page.get("/dashboard/desk")
        ticked = re.findall(r'type="checkbox" name="([^"]+)" value="yes" checked', page.page.text)
        zone = re.search(r"<option selected>([^<]+)", page.page.text)
        assert zone is not None
        return {"zone": zone[1], "package_days": "14", **dict.fromkeys(ticked, "yes")}

    def test_what_is_changed_holds_and_the_rest_stays(
        self, sign_in_as: As, core: Core, tenant: NewTenant
    ) -> None:
        admin = sign_in_as(Role.ADMIN)
        form = self.fields(admin) | {
            "team_email": "privacy@acme.example",
            "zone": "Europe/Berlin",
            "first_language": "de",
            "embed_origins": "https://www.acme.example\r\nhttps://shop.acme.example",
            "authority": "BlnBDI",
        }
        admin.post("/dashboard/desk", form)
        assert "Saved. It holds from now on." in admin.text
        desk = settings.of(tenant.controller.id)
        assert (desk.team_email_set, desk.zone, desk.languages[0]) == (True, "Europe/Berlin", "de")
        assert desk.embed_origins == ("https://www.acme.example", "https://shop.acme.example")
        assert (desk.form_open, desk.authority) == (True, "BlnBDI")
        assert "privacy@acme.example" not in admin.page.text
        admin.post("/dashboard/desk", self.fields(admin))
        assert settings.of(tenant.controller.id).team_email_set, "a blank field leaves it"
        admin.post("/dashboard/desk", self.fields(admin) | {"forget_team_email": "yes"})
        assert not settings.of(tenant.controller.id).team_email_set
        assert kinds().count("rights_desk.set") == 3
        assert core.clock()

    @pytest.mark.parametrize(
        ("field", "text", "said"),
        [
            ("zone", "Moon/Base", "Not an IANA time zone"),
            ("package_days", "91", "Must be a whole number from 1 to 90."),
            ("package_days", "two", "Must be a whole number from 1 to 90."),
            ("privacy_url", "http://acme.example", "begins with https://"),
            ("embed_origins", "https://acme.example/path", "without a path"),
            ("team_email", "nonsense", "address"),
        ],
    )
    def test_what_isnt_allowed_is_said_beside_its_field(
        self, sign_in_as: As, field: str, text: str, said: str
    ) -> None:
        admin = sign_in_as(Role.ADMIN)
        admin.post("/dashboard/desk", self.fields(admin) | {field: text, "authority": "What I typed"})
        assert admin.page.status_code == 422
        assert said in admin.text
        assert f'id="{field}-error"' in admin.page.text
        assert "What I typed" in admin.page.text

    def test_the_form_is_closed_by_a_box_that_isnt_ticked(self, sign_in_as: As, tenant: NewTenant) -> None:
        admin = sign_in_as(Role.ADMIN)
        form = self.fields(admin)
        del form["form_open"]
        admin.post("/dashboard/desk", form)
        assert not settings.of(tenant.controller.id).form_open
        assert "It says that it is closed" in admin.text

    def test_others_see_how_it_is_set_and_change_nothing(self, dpo: Visitor) -> None:
        dpo.get("/dashboard/desk")
        assert "The team’s address none: nobody is written to" in dpo.text
        assert "http://dxflow.example/request/did:dep:" in dpo.text
        assert "Agents" not in dpo.text
        assert dpo.post("/dashboard/desk", {"zone": "UTC", "package_days": "1"}).status_code == 403
        assert dpo.get("/dashboard/desk/agents").status_code == 403
        assert dpo.get("/dashboard/webhooks").status_code == 403


AGENT = {"agent": "CONSUMER_HELP", "name": "Consumer Help", "verify_key": KEY}


class TestAgents:
    def test_an_agent_is_let_in_and_shut_out(self, sign_in_as: As) -> None:
        admin = sign_in_as(Role.ADMIN)
        assert "No agent may ask yet" in admin.get("/dashboard/desk/agents").text
        admin.post("/dashboard/desk/agents", AGENT)
        assert "Consumer Help may ask" in admin.text
        assert "http://dxflow.example/drp/did:dep:" in admin.text
        admin.post("/dashboard/desk/agents", AGENT)
        assert admin.page.status_code == 422
        assert "There is an agent CONSUMER_HELP here already" in admin.text
        admin.post("/dashboard/desk/agents", AGENT | {"agent": "B", "verify_key": "short"})
        assert "Must be an Ed25519 public key" in admin.text
        admin.post(f"/dashboard/desk/agents/{models.PrivacyAgent.get().id}/disable")
        assert "Consumer Help disabled" in admin.text

    def test_what_the_agent_was_told_stands_on_the_requests_page(
        self, sign_in_as: As, core: Core, tenant: NewTenant, drain: Callable[[], int]
    ) -> None:
        agent = Agent(core, "", tenant.controller.id, "ACME_SHOP")
        mine = (core, agent.tenant_id, agent.name, "Help", agent.verify_key, "user:1", "ACME_SHOP")
        row = privacy_agents.add(*mine)
        wish = agent.wish(**{"status_callback": "https://1.1.1.1/canary", "agent-request-id": "mine-1"})
        request = by_agents.exercise(core, tenant.controller, row, agent.signed(wish))
        privacy_agents.disable(core, agent.tenant_id, agent.name, "user:1")
        actions.cancel(core, agent.tenant_id, request.id, "user:1")
        drain()
        dpo = sign_in_as(Role.DPO)
        page = dpo.get(f"/dashboard/requests/{request.id}").text
        assert "How it stands, to the agent" in page
        assert "withdrawn" in page
        assert "mine-1" not in page
        assert "mine-1" in dpo.post(f"/dashboard/requests/{request.id}").text
        assert "1.1.1.1" not in dpo.page.text

    def test_another_controllers_agent_isnt_there(self, sign_in_as: As, other: str) -> None:
        admin = sign_in_as(Role.ADMIN)
        admin.get("/dashboard/desk/agents")
        admin.post("/dashboard/desk/agents", AGENT)
        row = models.PrivacyAgent.get()
        models.PrivacyAgent.update(tenant_id=other).execute()
        assert "Consumer Help" not in admin.get("/dashboard/desk/agents").text
        assert admin.post(f"/dashboard/desk/agents/{row.id}/disable").status_code == 404
        assert models.PrivacyAgent.get().disabled_at is None


class TestWebhooks:
    def test_a_secret_is_shown_once_and_what_is_sent_stands_there(self, sign_in_as: As) -> None:
        admin = sign_in_as(Role.ADMIN)
        assert "Nobody is told yet" in admin.get("/dashboard/webhooks").text
        form = {"url": "https://hooks.example/in", "topic.consent.changed": "yes"}
        admin.post("/dashboard/webhooks", form)
        first = re.search(r"whsec_[^<]+", admin.page.text)
        row = models.WebhookEndpoint.get()
        assert first is not None
        assert row.topics == ["consent.changed"]
        here = f"/dashboard/webhooks/{row.id}"
        assert "whsec_" not in admin.get(here).text
        admin.post(f"{here}/test")
        assert "webhook.test pending none yet" in admin.text
        admin.get(here)
        admin.post(f"{here}/rotate")
        second = re.search(r"whsec_[^<]+", admin.page.text)
        assert second is not None
        assert first[0] != second[0]
        assert "signs beside the new one" in re.sub(r"<[^>]+>", "", admin.get(here).text)
        admin.post(f"{here}/disable")
        assert "Nothing goes there any more" in admin.text
        admin.post(f"{here}/test")
        assert admin.page.status_code == 409 or "This endpoint is disabled" in admin.text

    def test_what_is_no_address_or_leads_inside_is_refused(self, sign_in_as: As) -> None:
        admin = sign_in_as(Role.ADMIN)
        for url in ("ftp://hooks.example", "http://hooks.example/in", "not an address", ""):
            admin.get("/dashboard/webhooks")
            admin.post("/dashboard/webhooks", {"url": url})
            assert admin.page.status_code == 422, url
            assert 'id="url-error"' in admin.page.text
        assert models.WebhookEndpoint.select().count() == 0

    def test_another_controllers_endpoint_isnt_there(self, sign_in_as: As, other: str) -> None:
        admin = sign_in_as(Role.ADMIN)
        admin.get("/dashboard/webhooks")
        admin.post("/dashboard/webhooks", {"url": "https://hooks.example/in"})
        row = models.WebhookEndpoint.get()
        models.WebhookEndpoint.update(tenant_id=other).execute()
        admin.get("/dashboard/webhooks")
        assert "hooks.example" not in admin.text
        for tail in ("rotate", "disable", "test"):
            admin.get("/dashboard/webhooks")
            assert admin.post(f"/dashboard/webhooks/{row.id}/{tail}").status_code == 404
        assert admin.get(f"/dashboard/webhooks/{row.id}").status_code == 404
