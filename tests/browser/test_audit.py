"""The log in the browser: found, verified, taken away, and read by an auditor without an account."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from reading import fits, usable

from dxflow.engine.core import Core
from dxflow.engine.ledger import verifier
from dxflow.engine.ledger.log import Leaf
from dxflow.engine.services import tenants
from dxflow.engine.services.audit import epochs
from dxflow.engine.services.tenants import NewTenant

BY_BROWSER, BY_SERVER = "Your browser found this itself", "This server checked itself"


@pytest.fixture
def grow(core: Core, tenant: NewTenant) -> Callable[[int], str]:
    """Appends so many entries; returns the checkpoint as it was before."""

    def run(count: int) -> str:
        before = str(core.log.head(tenant.controller.id).checkpoint)
        batch = [Leaf("workflow.step", {"actor": "workflow:webhook", "n": n}, {"n": n}) for n in range(count)]
        with core.store.transaction():
            core.log.append(tenant.controller.id, batch)
        return before

    return run


def look(page: Page, scripts: bool) -> None:
    """A page as everybody must be able to use it."""
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    fits(page)
    if scripts:
        usable(page)


def verify(page: Page, note: str, entry: str = "", vkey: str = "") -> None:
    page.get_by_label("Checkpoint that you kept").fill(note)
    page.get_by_label("Prove this entry too").fill(entry)
    page.get_by_label("Verifier key that you kept").fill(vkey)
    page.get_by_role("button", name="Verify", exact=True).click()


def verdict(page: Page) -> Locator:
    """What came of a check, as its heading."""
    return page.locator("#findings .verdict .title")


def test_an_entry_is_found_opened_and_proven(
    enter: Callable[..., Page], grow: Callable[[int], str], scripts: bool
) -> None:
    page = enter()
    grow(120)
    page.get_by_role("link", name="Audit log").click()
    look(page, scripts)
    page.get_by_role("link", name="Older").click()
    page.get_by_label("What", exact=True).select_option(label="API key created")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name="API key created").click()
    expect(page.get_by_role("heading", name="API key created")).to_be_visible()
    if scripts:
        expect(page.locator("[data-verdict=proven]")).to_be_visible()
    look(page, scripts)
    page.get_by_role("button", name="Open it").click()
    expect(page.get_by_text("This is what the entry committed to")).to_be_visible()
    expect(page.get_by_text("first key")).to_be_visible()
    page.goto("/dashboard/audit")
    expect(page.get_by_role("rowheader", name="Personal data was seen in the clear")).to_be_visible()


def test_a_kept_checkpoint_and_an_entry_are_verified(
    enter: Callable[..., Page], grow: Callable[[int], str], core: Core, tenant: NewTenant, scripts: bool
) -> None:
    page = enter()
    kept = grow(70)
    page.goto("/dashboard/audit/verify")
    look(page, scripts)
    vkey = core.signing.vkeys(core.log.head(tenant.controller.id).origin)[0]
    verify(page, kept, "3", vkey)
    findings = page.locator("#findings")
    expect(verdict(page)).to_contain_text("This log still begins with what you kept")
    expect(findings.get_by_text("Prove the entry")).to_be_visible()
    expect(page.get_by_text(BY_BROWSER if scripts else BY_SERVER)).to_be_visible()
    expect(findings.locator("li.good")).to_have_count(7)
    fits(page)
    verify(page, kept, "9999")
    expect(verdict(page)).to_contain_text("There is no such entry")
    verify(page, str(core.log.head(tenant.controller.id).checkpoint))
    expect(verdict(page)).to_contain_text("This is the log’s present checkpoint")
    verify(page, f"\r\n{kept}\n\n")
    expect(verdict(page)).to_contain_text("This log still begins with what you kept")


def test_whatever_is_wrong_with_a_checkpoint_has_a_verdict_of_its_own(
    enter: Callable[..., Page], grow: Callable[[int], str], core: Core, tenant: NewTenant
) -> None:
    page = enter()
    grow(70)
    head = core.log.head(tenant.controller.id)
    size, origin, kept = int(head.size), str(head.origin), grow(9)
    other = core.log.head(tenants.create(core, "Other Shop", "FR").controller.id)
    sign = core.signing.sign
    cases = {
        "The checkpoint was tampered with": kept.replace(f"\n{size}\n", f"\n{size - 1}\n"),
        "A checkpoint of another log": str(other.checkpoint),
        "Two histories": sign(origin, size - 1, b"x" * 32),
        "Two histories: this": sign(origin, 64, b"x" * 32),
        "Two histories: this isn’t": sign(origin, size + 9, b"x" * 32),
        "This log has lost entries": sign(origin, size + 500, b"x" * 32),
        "Signed by no key that is known here": kept.replace(str(head.checkpoint).split(" ")[2][:6], "AAAAAA"),
        "This isn’t a signed checkpoint": "anything",
        "Well signed, but of an empty log": sign(origin, 0, b"x" * 32),
    }
    page.goto("/dashboard/audit/verify")
    for said, note in cases.items():
        verify(page, note)
        expect(verdict(page)).to_contain_text(said)
    verify(page, kept, vkey="no key at all")
    expect(verdict(page)).to_contain_text("The verifier key can’t be read")


def test_a_log_that_was_restored_says_so_about_what_it_lost(
    enter: Callable[..., Page], grow: Callable[[int], str], core: Core, tenant: NewTenant
) -> None:
    page = enter()
    grow(20)
    head = core.log.head(tenant.controller.id)
    early, lost = str(head.checkpoint), core.signing.sign(str(head.origin), int(head.size) + 50, b"x" * 32)
    epochs.open_epoch(core, tenant.controller.id, lost)
    page.goto("/dashboard/audit/verify")
    verify(page, lost)
    expect(verdict(page)).to_contain_text("The log was restored since, and says so")
    verify(page, early)
    expect(verdict(page)).to_contain_text("This log still begins with what you kept")


@pytest.mark.parametrize("scripts", [True], indirect=True, ids=["scripts"])
def test_a_browser_that_cannot_check_says_so_and_names_the_way(
    enter: Callable[..., Page], grow: Callable[[int], str]
) -> None:
    page = enter()
    page.add_init_script("Object.defineProperty(crypto, 'subtle', { value: undefined })")
    page.goto("/dashboard/audit/verify")
    verify(page, grow(3))
    expect(page.locator("[data-verdict=unable]")).to_contain_text("verifier.py")


@pytest.mark.parametrize("scripts", [True], indirect=True, ids=["scripts"])
def test_a_lying_server_is_found_out_by_the_browser(
    enter: Callable[..., Page], grow: Callable[[int], str]
) -> None:
    page = enter()
    kept, lies = grow(40), {"root": "00" * 32, "hashes": ["11" * 32]}
    page.goto("/dashboard/audit/verify")

    def lie(change: str) -> None:
        page.unroute_all()

        def answer(route: object) -> None:
            found = route.fetch()  # type: ignore[attr-defined]
            said = found.json()
            if change == "consistency":
                said["consistency"] = lies
            elif change == "leaf":
                said["inclusion"]["leaf"] = said["inclusion"]["leaf"].replace(
                    "tenant.created", "tenant.removed"
                )
            else:
                said["checkpoint"] = said["checkpoint"].replace("\n", "\n1", 1)
            route.fulfill(response=found, json=said)  # type: ignore[attr-defined]

        page.route("**/proofs?*", answer)
        verify(page, kept, "0")

    found = {"consistency": "bad_proof", "leaf": "not_included", "checkpoint": "bad_current"}
    for change, code in found.items():
        lie(change)
        expect(page.locator(f"[data-verdict={code}]")).to_be_visible()
    page.unroute_all()
    page.route("**/proofs?*", lambda route: route.abort())
    verify(page, kept)
    expect(page.locator("[data-verdict=unanswered]")).to_be_visible()


def test_the_bundle_that_is_downloaded_verifies_offline(
    enter: Callable[..., Page], grow: Callable[[int], str], core: Core, tenant: NewTenant, tmp_path: Path
) -> None:
    page = enter()
    kept = grow(600)
    page.goto("/dashboard/audit/bundle")
    with page.expect_download() as bundle:
        page.get_by_role("link", name="Download the bundle").click()
    with page.expect_download() as program:
        page.get_by_role("link", name="verifier.py").click()
    bundle.value.save_as(tmp_path / "bundle.zip")
    program.value.save_as(tmp_path / "verifier.py")
    assert (tmp_path / "verifier.py").read_bytes() == Path(verifier.__file__).read_bytes()
    (tmp_path / "kept.txt").write_text(kept, encoding="utf-8")
    vkey = core.signing.vkeys(core.log.head(tenant.controller.id).origin)[0]
    given = [str(tmp_path / "bundle.zip"), "--key", vkey, "--checkpoint", str(tmp_path / "kept.txt")]
    assert verifier.main(given) == 0


def test_an_auditor_reads_and_verifies_by_a_link_until_it_is_revoked(
    enter: Callable[..., Page], grow: Callable[[int], str], scripts: bool, site: str
) -> None:
    page = enter()
    kept = grow(30)
    page.goto("/dashboard/audit/links")
    look(page, scripts)
    page.get_by_label("For whom").fill("Dr. Example, supervisory authority")
    page.get_by_label("Days it works").fill("7")
    page.get_by_role("button", name="Make the link").click()
    address = page.locator("#link").text_content() or ""
    look(page, scripts)
    auditor = page.context.browser.new_context(base_url=site, java_script_enabled=scripts).new_page()  # type: ignore[union-attr]
    auditor.goto("/dashboard/auditor/link#" + address.rpartition("#")[2])
    if scripts:
        expect(auditor).to_have_url(f"{site}/dashboard/auditor/link")
        expect(auditor.get_by_label("Link")).to_be_hidden()
    else:
        auditor.get_by_label("Link").fill(address)
    look(auditor, scripts)
    auditor.get_by_role("button", name="Open the log").click()
    expect(auditor).to_have_url(f"{site}/dashboard/auditor")
    expect(auditor.get_by_text("For Dr. Example")).to_be_visible()
    look(auditor, scripts)
    assert all(
        "/auditor" in (link.get_attribute("href") or "") for link in auditor.get_by_role("link").all()[1:]
    )
    auditor.get_by_role("link", name="Verify a checkpoint").click()
    verify(auditor, kept, "2")
    expect(
        auditor.locator("#findings").get_by_text("This log still begins with what you kept")
    ).to_be_visible()
    look(auditor, scripts)
    page.goto("/dashboard/audit/links")
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("That link opens nothing any more")).to_be_visible()
    auditor.goto("/dashboard/auditor/entries/1")
    expect(auditor.get_by_role("heading", name="This link opens nothing")).to_be_visible()
    look(auditor, scripts)
    auditor.context.close()
