"""A kept checkpoint held against the log by the engine itself: each thing that can be wrong has its verdict."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dxflow.engine.core import Core
from dxflow.engine.ledger import merkle, note
from dxflow.engine.ledger.log import Leaf
from dxflow.engine.services import tenants
from dxflow.engine.services.audit import checkpoint_check, epochs, log_keys
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

Forge = Callable[[Core, str, int], str]

FORGED: dict[str, tuple[str, Forge]] = {
    "another root of the same size": (
        "fork",
        lambda core, origin, size: core.signing.sign(origin, size, b"x" * 32),
    ),
    "another root of a smaller size": (
        "fork",
        lambda core, origin, size: core.signing.sign(origin, 5, b"x" * 32),
    ),
    "another root of a complete tree": (
        "fork",
        lambda core, origin, size: core.signing.sign(origin, 8, b"x" * 32),
    ),
    "more than there is": (
        "ahead",
        lambda core, origin, size: core.signing.sign(origin, size + 1, b"x" * 32),
    ),
    "more than a browser can count": (
        "ahead",
        lambda core, origin, size: core.signing.sign(origin, 2**60, b"x" * 32),
    ),
    "nothing": ("empty", lambda core, origin, size: core.signing.sign(origin, 0, merkle.EMPTY_ROOT)),
    "a key of the visitor's own making": (
        "unknown_key",
        lambda core, origin, size: note.SigningKey.generate(origin).sign_note(
            note.checkpoint_text(origin, size, b"x" * 32)
        ),
    ),
    "no note at all": ("malformed", lambda core, origin, size: f"{origin}\n{size}\n"),
    "a note that is no checkpoint": (
        "malformed",
        lambda core, origin, size: core.signing.sign_text(origin, f"{origin}\nhello\n"),
    ),
}


@pytest.fixture
def grow(core: Core, tenant: NewTenant) -> Callable[[int], str]:
    """Appends so many entries; returns the checkpoint as it was before."""

    def run(count: int) -> str:
        before = str(core.log.head(tenant.controller.id).checkpoint)
        with core.store.transaction():
            core.log.append(tenant.controller.id, [Leaf("a.test", {"actor": "system"}) for _ in range(count)])
        return before

    return run


def verdict(core: Core, tenant: NewTenant, text: str, index: int | None = None, vkey: str = "") -> str:
    return checkpoint_check.check(core, tenant.controller.id, text, index, vkey).verdict


def origin_of(core: Core, tenant: NewTenant) -> str:
    return str(core.log.head(tenant.controller.id).origin)


def test_every_checkpoint_that_the_log_ever_had_holds(
    core: Core, tenant: NewTenant, grow: Callable[[int], str]
) -> None:
    kept = [grow(1) for _ in range(40)]
    assert {verdict(core, tenant, one, index=number) for number, one in enumerate(kept)} == {"holds"}
    assert verdict(core, tenant, str(core.log.head(tenant.controller.id).checkpoint)) == "same"


@pytest.mark.parametrize(("expected", "forge"), FORGED.values(), ids=FORGED)
def test_what_is_wrong_is_named(
    core: Core, tenant: NewTenant, grow: Callable[[int], str], expected: str, forge: Forge
) -> None:
    grow(20)
    head = core.log.head(tenant.controller.id)
    found = checkpoint_check.check(core, tenant.controller.id, forge(core, str(head.origin), int(head.size)))
    assert found.verdict == expected
    assert [step.held for step in found.steps[:-1]] == [True] * (len(found.steps) - 1), (
        "it ends where it fails"
    )


def test_a_text_that_was_changed_is_forged_and_another_log_s_is_another_log_s(
    core: Core, tenant: NewTenant, grow: Callable[[int], str]
) -> None:
    size = int(core.log.head(tenant.controller.id).size)
    kept = grow(9)
    assert verdict(core, tenant, kept.replace(f"\n{size}\n", f"\n{size + 1}\n")) == "forged"
    other = tenants.create(core, "Other Shop", "FR").controller.id
    assert verdict(core, tenant, str(core.log.head(other).checkpoint)) == "other_log"


def test_an_entry_is_proven_and_one_that_isn_t_there_is_not(
    core: Core, tenant: NewTenant, grow: Callable[[int], str]
) -> None:
    kept = grow(9)
    found = checkpoint_check.check(core, tenant.controller.id, kept, 3)
    assert (found.verdict, found.steps[-1].code) == ("holds", "inclusion")
    assert verdict(core, tenant, kept, 10_000) == "no_entry"


def test_an_entry_that_was_changed_in_the_database_is_not_included(
    core: Core, tenant: NewTenant, grow: Callable[[int], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = grow(9)
    changed = models.AuditEntry(tenant_id=tenant.controller.id, seq=3, kind="a.test", leaf='{"v":1}')
    monkeypatch.setattr(type(core.log), "entry", lambda *_: changed)
    assert verdict(core, tenant, kept, 3) == "not_included"


def test_the_visitor_s_own_key_counts_alone(
    core: Core, tenant: NewTenant, grow: Callable[[int], str]
) -> None:
    kept, origin = grow(9), origin_of(core, tenant)
    assert verdict(core, tenant, kept, vkey=core.signing.vkeys(origin)[0]) == "holds"
    assert verdict(core, tenant, kept, vkey=note.SigningKey.generate(origin).vkey) == "unknown_key"
    assert verdict(core, tenant, kept, vkey="no key") == "bad_key"


def test_a_checkpoint_of_a_key_that_was_retired_since_still_holds(
    core: Core, tenant: NewTenant, grow: Callable[[int], str]
) -> None:
    kept, vkey = grow(9), core.signing.vkeys(origin_of(core, tenant))[0]
    log_keys.rotate(core)
    assert verdict(core, tenant, grow(3)) == "holds"
    log_keys.retire(core)
    grow(3)
    assert verdict(core, tenant, kept) == "holds"
    assert verdict(core, tenant, kept, vkey=vkey) == "holds"


def test_of_an_earlier_epoch_what_is_left_holds_and_what_is_missing_is_a_gap(
    core: Core, tenant: NewTenant, grow: Callable[[int], str]
) -> None:
    kept, origin = grow(9), origin_of(core, tenant)
    size = int(core.log.head(tenant.controller.id).size)
    lost = core.signing.sign(origin, size + 20, b"x" * 32)
    epochs.open_epoch(core, tenant.controller.id, lost)
    grow(30)
    assert verdict(core, tenant, kept) == "holds"
    assert verdict(core, tenant, core.signing.sign(origin, 4, b"x" * 32)) == "fork"
    found = checkpoint_check.check(core, tenant.controller.id, lost)
    assert (found.verdict, found.said["from"], found.said["to"]) == ("gap", size, size + 20)


def test_pasting_is_put_right(core: Core, tenant: NewTenant, grow: Callable[[int], str]) -> None:
    kept = grow(3)
    for pasted in (kept, f"\n\n{kept}\n\n", kept.replace("\n", "\r\n"), kept.rstrip("\n"), f"  {kept}  "):
        assert checkpoint_check.tidy(pasted) == kept
