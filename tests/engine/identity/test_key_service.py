"""A root key in the care of HashiCorp Vault: the contract of its transit engine, played by a local server.

What the server refuses and answers follows Vault's API documentation: base64 in ``plaintext`` and
``associated_data``, ``vault:v<n>:`` ciphertexts, 400 for what can't be decrypted, 403 for a token without the
right, 404 for no such key, 503 while it is sealed.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from Crypto.Cipher import AES
from serving import in_json, served

from dxflow.config.errors import SettingsError
from dxflow.config.settings import Settings
from dxflow.engine import rotation, wiring
from dxflow.engine.backups import restoring, taking
from dxflow.engine.backups.restoring import Wish
from dxflow.engine.core import Core
from dxflow.engine.errors import TransientError
from dxflow.engine.identity.key_service import VaultTransit
from dxflow.engine.identity.roots import KeyFault
from dxflow.engine.moments import system_clock
from dxflow.engine.services import tenants
from dxflow.engine.services.audit import verifying
from dxflow.engine.store import models

TOKEN = "hvs.a-token-of-the-service"


class Transit:
    """Vault's transit engine with one key in versions, and what it was asked."""

    def __init__(self) -> None:
        self.versions = [b"1" * 32]
        self.sealed = False
        self.asked: list[str] = []

    def answer(self, path: str, token: str | None, document: dict[str, str]) -> tuple[int, dict[str, object]]:
        self.asked.append(path)
        if self.sealed:
            return 503, {"errors": ["Vault is sealed"]}
        if token != TOKEN:
            return 403, {"errors": ["permission denied"]}
        if path == "/v1/transit/encrypt/dxflow":
            return 200, {"data": {"ciphertext": self._encrypt(document), "key_version": len(self.versions)}}
        if path == "/v1/transit/decrypt/dxflow":
            try:
                return 200, {"data": {"plaintext": self._decrypt(document)}}
            except (ValueError, KeyError, IndexError):
                return 400, {"errors": [f"invalid ciphertext: {document}"]}
        return 404, {"errors": ["no handler"]}

    def _encrypt(self, document: dict[str, str]) -> str:
        cipher = AES.new(self.versions[-1], AES.MODE_GCM, nonce=len(self.asked).to_bytes(12, "big"))
        cipher.update(base64.b64decode(document["associated_data"]))
        text, tag = cipher.encrypt_and_digest(base64.b64decode(document["plaintext"], validate=True))
        return f"vault:v{len(self.versions)}:{base64.b64encode(cipher.nonce + text + tag).decode()}"

    def _decrypt(self, document: dict[str, str]) -> str:
        _, version, text = document["ciphertext"].split(":")
        data = base64.b64decode(text)
        cipher = AES.new(self.versions[int(version[1:]) - 1], AES.MODE_GCM, nonce=data[:12])
        cipher.update(base64.b64decode(document["associated_data"]))
        return base64.b64encode(cipher.decrypt_and_verify(data[12:-16], data[-16:])).decode()


@pytest.fixture
def transit() -> Transit:
    return Transit()


@pytest.fixture
def address(transit: Transit) -> Iterator[str]:
    """Where the transit key is."""

    def answer(environ: dict[str, Any], document: Any) -> tuple[str, Any]:
        status, said = transit.answer(environ["PATH_INFO"], environ["HTTP_X_VAULT_TOKEN"], document)
        return f"{status} {HTTPStatus(status).phrase}", said

    with served(in_json(answer)) as address:
        yield f"{address}/v1/transit/keys/dxflow"


@pytest.fixture
def settings(tmp_path: Path, address: str) -> Iterator[Callable[..., Settings]]:
    def make(**given: object) -> Settings:
        known = {"data_dir": tmp_path / "data", "key_service_url": address, "key_service_token": TOKEN}
        return Settings.load(**{**known, **given})

    wiring.forget()
    yield make
    wiring.forget()


def test_the_root_key_lies_nowhere_but_with_the_service(
    settings: Callable[..., Settings], transit: Transit, tmp_path: Path
) -> None:
    core = wiring.core_for(settings())
    made = tenants.create(core, "Acme", "DE")
    root = core.keys.roots.source.load()[0]
    assert not (tmp_path / "data" / "root.key").exists()
    core.store.close()
    for file in (tmp_path / "data").rglob("*"):
        if file.is_file():
            assert root not in file.read_bytes()
            assert base64.b64encode(root) not in file.read_bytes()
    wiring.forget()
    again = wiring.core_for(settings())
    assert again.keys.mac(made.controller.id, "dedup", "a") == core.keys.mac(made.controller.id, "dedup", "a")
    assert transit.asked.count("/v1/transit/encrypt/dxflow") == 1


def test_an_engine_that_runs_does_without_the_service(
    settings: Callable[..., Settings], transit: Transit
) -> None:
    core = wiring.core_for(settings())
    transit.sealed = True
    made = tenants.create(core, "Made while the service is sealed", "DE")
    core.keys.refresh()
    assert core.keys.mac(made.controller.id, "dedup", "a")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"key_service_token": "wrong"}, "DXFLOW_KEY_SERVICE_TOKEN"),
        ({"key_service_token": None}, "needs a token"),
    ],
)
def test_a_start_without_the_right_is_refused_in_one_line(
    settings: Callable[..., Settings], change: dict[str, object], expected: str
) -> None:
    with pytest.raises(KeyFault, match=expected) as caught:
        wiring.core_for(settings(**change))
    assert "\n" not in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_a_sealed_service_stops_the_start_and_loses_nothing(
    settings: Callable[..., Settings], transit: Transit
) -> None:
    wiring.core_for(settings()).store.close()
    wiring.forget()
    transit.sealed = True
    with pytest.raises(TransientError, match="sealed, or not ready"):
        wiring.core_for(settings())
    transit.sealed = False
    assert wiring.core_for(settings()).keys.roots.ids


def test_another_key_of_the_service_does_not_open_the_root(
    settings: Callable[..., Settings], transit: Transit
) -> None:
    wiring.core_for(settings()).store.close()
    wiring.forget()
    transit.versions[0] = b"2" * 32
    with pytest.raises(KeyFault, match="refused to decrypt"):
        wiring.core_for(settings())
    assert models.RootKeyRecord.select().count() == 1


def test_the_root_rotates_under_the_service_and_the_service_rotates_under_the_root(
    settings: Callable[..., Settings], transit: Transit
) -> None:
    core = wiring.core_for(settings())
    made = tenants.create(core, "Acme", "DE").controller.id
    before = core.keys.mac(made, "dedup", "a")
    transit.versions.append(b"9" * 32)  # `vault write -f transit/keys/dxflow/rotate`
    old = core.keys.roots.ids
    assert rotation.rotate_root(core)["retired"] == old
    sealed = [row.sealed for row in models.RootKeyRecord.select() if row.sealed]
    assert [text.split(":")[1] for text in sealed] == ["v2"]
    wiring.forget()
    late = wiring.core_for(settings())
    assert late.keys.mac(made, "dedup", "a") == before
    assert old[0] not in late.keys.roots.ids
    assert verifying.verify_logs(late).problems == []


def in_a_file(settings: Callable[..., Settings]) -> tuple[str, bytes]:
    """An installation with its root key in a file: a tenant, and a mark under its keys."""
    core = wiring.core_for(settings(key_service_url=None, key_service_token=None))
    made = tenants.create(core, "Acme", "DE").controller.id
    before = core.keys.mac(made, "dedup", "a")
    core.store.close()
    wiring.forget()
    return made, before


def test_an_installation_moves_from_its_file_to_the_service(
    settings: Callable[..., Settings], tmp_path: Path
) -> None:
    made, before = in_a_file(settings)
    moving = wiring.core_for(settings())
    assert rotation.rotate_root(moving)["left"] == 0
    moving.store.close()
    wiring.forget()
    (tmp_path / "data" / "root.key").unlink()
    assert wiring.core_for(settings()).keys.mac(made, "dedup", "a") == before


def backed_up(core: Core, to: Path) -> tuple[Wish, dict[str, object]]:
    """A backup, and what its keys part says."""
    made = taking.take(core, to)
    core.store.close()
    wiring.forget()
    return Wish(Path(made.data), [Path(made.keys)]), json.loads(Path(made.keys).read_bytes())


def test_a_backup_has_no_root_key_in_either_file_and_comes_back_through_the_service(
    settings: Callable[..., Settings], transit: Transit, tmp_path: Path
) -> None:
    core = wiring.core_for(settings())
    made = tenants.create(core, "Acme", "DE").controller.id
    root, before = core.keys.roots.source.load()[0], core.keys.mac(made, "dedup", "a")
    wish, keys = backed_up(core, tmp_path / "backups")
    assert keys["root_keys"] == []
    for file in (wish.data, *wish.keys):
        assert root not in file.read_bytes()
        assert base64.b64encode(root) not in file.read_bytes()
    elsewhere = settings(data_dir=tmp_path / "elsewhere")
    restoring.restore(elsewhere, wish)
    assert not (tmp_path / "elsewhere" / "root.key").exists()
    assert wiring.core_for(elsewhere).keys.mac(made, "dedup", "a") == before
    transit.sealed = True
    with pytest.raises(TransientError):
        restoring.restore(settings(data_dir=tmp_path / "third"), wish)


def test_a_backup_on_the_way_to_the_service_has_the_keys_of_the_file(
    settings: Callable[..., Settings], tmp_path: Path
) -> None:
    made, before = in_a_file(settings)
    wish, keys = backed_up(wiring.core_for(settings()), tmp_path / "backups")
    assert keys["root_keys"] == (tmp_path / "data" / "root.key").read_text().split()
    elsewhere = settings(data_dir=tmp_path / "elsewhere")
    restoring.restore(elsewhere, wish)
    assert wiring.core_for(elsewhere).keys.mac(made, "dedup", "a") == before


def test_its_text_never_shows_the_token(address: str) -> None:
    assert TOKEN not in repr(VaultTransit.at(address, TOKEN, system_clock))


def test_keys_never_travel_in_the_clear(settings: Callable[..., Settings]) -> None:
    with pytest.raises(SettingsError, match="TLS"):
        settings(key_service_url="http://vault.example/v1/transit/keys/dxflow")
    with pytest.raises(SettingsError, match="transit key"):
        settings(key_service_url="https://vault.example/v1/secret")
