"""The page where a package is fetched, over real HTTP: what it asks, shows once, and keeps to itself."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import pyzipper
import requests
from flow import HandClock, Sender, customer, drain, leaves
from postbox import Postbox
from visitors import edge

from dxflow.engine.core import Core
from dxflow.engine.fulfilment import forgetting, handover, package, verification
from dxflow.engine.platforms.base import Person as Somebody
from dxflow.engine.services import tenants
from dxflow.engine.services.rights import requests as service
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

from .conftest import text_of

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ADA = "person1@shop.example"


@pytest.fixture
def page(mailing: Core, tenant: NewTenant) -> Iterator[str]:
    """The address of Ada's package on a running edge."""
    tenant_id = tenant.controller.id
    Sender(mailing, tenant_id).send("customers/create", customer())
    drain(mailing)
    row = service.create(mailing, tenant_id, "system", "access", Somebody(email=ADA))
    changes = {"state": "review", "verified_at": mailing.clock()}
    models.RightsRequest.update(**changes).where(models.RightsRequest.id == row.id).execute()
    made = package.make(mailing, tenant_id, row.id, "user:1")
    with edge(mailing, "https://privacy.example/dx") as address:
        yield address + handover.path_of(made)


@pytest.fixture
def post(page: str) -> Callable[..., requests.Response]:
    """Sends a form of the page."""

    def send(act: str, **fields: str) -> requests.Response:
        return requests.post(page, data={"act": act, **fields}, timeout=30)

    return send


Post = Callable[..., requests.Response]


def _opened(post: Post, box: Postbox, core: Core) -> tuple[str, str]:
    """The passphrase and the token of the page that a code opened."""
    assert post("send").status_code == 200
    shown = post("code", code=box.code(core, ADA))
    assert shown.status_code == 200, text_of(shown)
    passphrase = re.search(r'<code class="key">([A-Z2-9-]{24})</code>', shown.text)
    token = re.search(r'name="token" value="([^"]+)"', shown.text)
    assert passphrase
    assert token
    return passphrase[1], token[1]


def test_whoever_reads_the_mail_of_the_address_on_file_gets_passphrase_and_file(
    page: str, post: Post, box: Postbox, mailing: Core, tenant: NewTenant, tmp_path: Path
) -> None:
    asking = requests.get(page, timeout=30)
    assert asking.status_code == 200
    assert ADA not in asking.text
    passphrase, token = _opened(post, box, mailing)
    fetched = post("fetch", token=token)
    assert fetched.headers["Content-Type"] == "application/zip"
    assert fetched.headers["Content-Disposition"] == 'attachment; filename="my-data.zip"'
    assert fetched.headers["Cache-Control"] == "no-store"
    with pyzipper.AESZipFile(io.BytesIO(fetched.content)) as archive:
        archive.setpassword(passphrase.encode())
        assert b"Ada Byron" in archive.read("data.json")
    file = tmp_path / "my-data.zip"
    file.write_bytes(fetched.content)
    vkeys = mailing.signing.vkeys(mailing.log.head(tenant.controller.id).origin)
    assert verification.verify(file, passphrase, vkeys).trusted
    kinds = [
        leaf["kind"] for leaf in leaves(tenant.controller.id) if str(leaf["kind"]).startswith("package.")
    ]
    assert kinds == ["package.made", "package.opened", "package.fetched"]


def test_the_passphrase_is_shown_to_a_proof_and_not_again(post: Post, box: Postbox, mailing: Core) -> None:
    passphrase, token = _opened(post, box, mailing)
    code = box.code(mailing, ADA)
    for again in (
        post("code", code=code),
        post("link", token=box.token(mailing, ADA)),
        post("ask"),
        post(""),
    ):
        assert passphrase not in again.text
    assert passphrase not in post("fetch", token=token).text


def test_a_wrong_code_shows_nothing_and_too_many_are_stopped(post: Post, box: Postbox, mailing: Core) -> None:
    post("send")
    box.code(mailing, ADA)
    statuses = [post("code", code=f"{number:06d}").status_code for number in range(12)]
    assert statuses[0] == 403
    assert statuses[-1] == 429
    assert set(statuses) <= {403, 429}
    assert [post("send").status_code for _ in range(12)][-1] == 429


def test_the_link_of_the_mail_shows_a_button_and_only_pressing_it_opens(
    page: str, post: Post, box: Postbox, mailing: Core
) -> None:
    post("send")
    token = box.token(mailing, ADA)
    for _ in range(2):  # as programs do that look at mails
        shown = requests.get(f"{page}/{token}", timeout=30)
        assert shown.status_code == 200
        assert not re.search(r'<code class="key">', shown.text)
    assert re.search(r'<code class="key">', post("link", token=token).text)


def test_a_page_that_is_left_open_opens_nothing_later(
    post: Post, box: Postbox, mailing: Core, clock: HandClock
) -> None:
    _, token = _opened(post, box, mailing)
    clock.forward(16 * 60)
    late = post("fetch", token=token)
    assert (late.status_code, late.headers["Content-Type"]) == (403, "text/html; charset=utf-8")
    for wrong in ("", "x", "1.2", "<script>"):
        assert post("fetch", token=wrong).status_code == 403


def test_an_expired_package_says_so_and_what_to_do(
    page: str, post: Post, mailing: Core, clock: HandClock
) -> None:
    clock.forward(15 * 86_400)
    for answer in (
        requests.get(page, timeout=30),
        post("send"),
        post("code", code="000000"),
        post("fetch", token="x"),
    ):
        assert answer.status_code == 410
        assert "ask Acme Shop again" in text_of(answer)
    forgetting.expire(mailing)
    assert requests.get(page, timeout=30).status_code == 410


def test_a_package_that_there_is_not_and_another_data_controllers_look_the_same(
    page: str, mailing: Core
) -> None:
    other = tenants.create(mailing, "Another Shop", "UK").controller.id
    package_id, base = page.rpartition("/")[2], page.split("/request/")[0]
    elsewhere = requests.get(f"{base}/request/{other}/package/{package_id}", timeout=30)
    nowhere = requests.get(f"{base}/request/{other}/package/{uuid4()}", timeout=30)
    assert (elsewhere.status_code, nowhere.status_code) == (404, 404)
    assert elsewhere.text == nowhere.text


def test_the_page_runs_nothing_is_framed_by_nobody_and_is_kept_by_no_cache(page: str) -> None:
    answer = requests.get(page, timeout=30)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    assert "<script" not in answer.text


def test_where_no_mail_can_be_sent_the_page_says_so(core: Core, page: str) -> None:
    path = "/request/" + page.split("/request/")[1]
    with edge(core, "https://privacy.example") as address:  # the same database, and no post
        answer = requests.post(address + path, data={"act": "send"}, timeout=30)
    assert answer.status_code == 409
    assert "No code can be sent just now" in text_of(answer)
