"""``/api/v1/messages`` and the checks of a request, over real HTTP."""

from __future__ import annotations

import pytest
from callers import Caller
from flow import drain, leaves
from postbox import Postbox

from dxflow.engine.core import Core
from dxflow.engine.desk.checks import confirm
from dxflow.engine.post import Post
from dxflow.engine.services.tenants import NewTenant

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ADA = "ada@shop.example"


@pytest.fixture
def box(core: Core) -> Postbox:
    """A mail server for an edge that has none yet."""
    made = Postbox()
    object.__setattr__(core, "post", Post(made, "privacy@acme.example", "https://edge.example"))
    return made


def asked(api: Caller) -> str:
    """A request of somebody on file; its path."""
    api.post("/api/v1/data-subjects", {"email": ADA})
    made = api.post("/api/v1/rights-requests", {"type": "access", "subject": {"email": ADA}})
    return f"/api/v1/rights-requests/{made.json()['id']}"


def test_what_couldnt_be_sent_is_listed_shown_and_sent_after_all(
    api: Caller, stranger: Caller, core: Core, tenant: NewTenant
) -> None:
    path = asked(api)
    drain(core)
    [one] = api.listed(f"{path}/messages")
    assert (one["kind"], one["state"], one["language"], one["sent_at"]) == (
        "acknowledged",
        "unsent",
        "en",
        None,
    )
    assert ADA not in str(one)
    where = f"/api/v1/messages/{one['id']}"
    shown = api.get(where).json()
    assert (shown["to"], shown["subject"]) == (ADA, "We received your request")
    assert len(leaves(tenant.controller.id, "personal_data.read")) == 1
    assert stranger.get(where).status_code == 404
    assert stranger.post(f"{where}/send").status_code == 404
    assert api.post(f"{where}/send").json()["state"] == "pending"
    assert api.post(f"{where}/send").status_code == 409
    assert api.post(f"{where}/withdraw").json()["state"] == "withdrawn"
    assert api.get(where).json()["text"] is None


def test_a_code_is_sent_and_the_list_says_where_it_stands(
    api: Caller, core: Core, tenant: NewTenant, box: Postbox
) -> None:
    path = asked(api)
    answer = api.post(f"{path}/checks", {}, headers={"Idempotency-Key": "k-1"})
    assert answer.status_code == 200
    assert set(answer.json()) == {"expires_at"}
    again = api.post(f"{path}/checks", {}, headers={"Idempotency-Key": "k-1"})
    assert again.json() == answer.json()
    [check] = api.listed(f"{path}/checks")
    assert (check["channel"], check["on_file"], check["passed_at"]) == ("email", True, None)
    code = box.code(core, ADA)
    assert code not in api.get(f"{path}/checks").text
    messages = api.listed(f"{path}/messages")
    [told] = [one for one in messages if one["kind"] == "code"]
    assert told["state"] == "sent"
    confirm(core, tenant.controller.id, path.rpartition("/")[2], code)
    assert api.get(path).json()["state"] == "identity_verified"
    assert api.listed(f"{path}/checks")[0]["passed_at"] is not None
    assert api.post(f"{path}/checks", {}).status_code == 409


def test_without_a_mail_server_no_code_is_promised(api: Caller) -> None:
    answer = api.post(f"{asked(api)}/checks", {})
    assert answer.status_code == 409
    assert "DXFLOW_SMTP_URL" in answer.json()["detail"]


@pytest.mark.parametrize("body", [{"purpose": "fun"}, {"channel": "fax"}, {"purpose": None}, {"code": "1"}])
def test_what_isnt_there_is_refused(api: Caller, box: Postbox, body: dict[str, object]) -> None:
    assert api.post(f"{asked(api)}/checks", body).status_code == 422
