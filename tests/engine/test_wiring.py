"""Settings become a core: once per process, and never under a root key that can't open what is there."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flow import Sender, check_invariants, customer, settle

from dxflow.config.settings import Settings
from dxflow.engine import wiring
from dxflow.engine.errors import Unavailable
from dxflow.engine.identity.roots import KeyFault
from dxflow.engine.mail.smtp import Smtp
from dxflow.engine.services import tenants
from dxflow.engine.store import Store, models

MakeSettings = Callable[..., Settings]


def _key(letter: str) -> str:
    return base64.b64encode(letter.encode() * 32).decode()


@pytest.fixture
def settings(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeSettings]:
    monkeypatch.chdir(tmp_path)
    wiring.forget()
    yield lambda **more: Settings(**{"data_dir": tmp_path / "data", "database_url": database_url, **more})
    wiring.forget()
    if not models.database.is_closed():
        models.database.close()


def test_one_process_has_one_core(settings: MakeSettings) -> None:
    assert wiring.core_for(settings()) is wiring.core_for(settings())


def test_a_new_installation_has_a_log_key_before_anything_is_logged(settings: MakeSettings) -> None:
    wiring.core_for(settings())
    assert models.LogKey.select().count() == 1


def test_what_one_process_wrote_the_next_one_opens(settings: MakeSettings) -> None:
    core = wiring.core_for(settings())
    tenant = tenants.create(core, "Acme", "DE").controller
    Sender(core, tenant.id).send("customers/create", customer())
    settle_after(core)
    wiring.forget()
    core = wiring.core_for(settings())
    check_invariants(core)
    assert core.subjects.profile(models.DataSubject.get())["email"] == "person1@shop.example"
    assert models.LogKey.select().count() == 1


def test_mail_leaves_as_the_settings_say(settings: MakeSettings) -> None:
    silent = wiring.core_for(settings()).post
    assert (silent.transport, silent.sender) == (None, "dxflow@[127.0.0.1]")
    wiring.forget()
    more = {"smtp_url": "smtps://box:p%40ss@mail.example", "public_url": "https://privacy.acme.example/p"}
    post = wiring.core_for(settings(**more)).post
    assert post.transport == Smtp("mail.example", 465, True, "privacy.acme.example", "box", "p@ss")
    assert (post.sender, post.public_url) == ("dxflow@privacy.acme.example", "https://privacy.acme.example/p")


def settle_after(core: wiring.Core) -> None:
    """With the system's clock the triggers' events are due as soon as they are written."""
    settle(core)
    assert {event.state for event in models.Event.select()} == {"done"}


def test_another_root_key_on_the_same_database_is_refused_with_a_clear_word(
    settings: MakeSettings, tmp_path: Path
) -> None:
    wiring.core_for(settings(root_key=_key("a")))
    wiring.forget()
    with pytest.raises(KeyFault, match="sealed under another root key") as caught:
        wiring.core_for(settings(root_key=_key("b")))
    assert "DXFLOW_ROOT_KEY" in str(caught.value)
    assert _key("a") not in str(caught.value)
    assert _key("b") not in str(caught.value)
    wiring.core_for(settings(root_key=_key("a")))


def test_a_lost_key_file_is_not_silently_replaced(settings: MakeSettings) -> None:
    wiring.core_for(settings())
    wiring.forget()
    settings().root_key_path.unlink()
    with pytest.raises(KeyFault, match="is missing"):
        wiring.core_for(settings())


def test_a_database_that_is_not_migrated_is_refused_where_migrating_is_not_wanted(
    settings: MakeSettings,
) -> None:
    with pytest.raises(Unavailable, match="dxflow migrate"):
        wiring.core_for(settings(), migrate=False)
    wiring.core_for(settings())
    wiring.forget()
    assert wiring.core_for(settings(), migrate=False)


def test_a_database_that_does_not_answer_is_unavailable(settings: MakeSettings) -> None:
    with pytest.raises(Unavailable):
        wiring.core_for(settings(database_url="postgresql://nobody@127.0.0.1:1/none"))


def test_a_store_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="sqlite and postgresql"):
        Store("mysql://localhost/x")
