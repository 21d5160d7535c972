"""``request package`` and ``request verify-package``: made by the desk, checked by anybody anywhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import Home
from flow import Sender, customer, drain

from dxflow.engine.fulfilment import package
from dxflow.engine.platforms.base import Person
from dxflow.engine.services.rights import requests
from dxflow.engine.store import models


@pytest.fixture
def made(shop: Home, tmp_path: Path) -> tuple[Home, Path, Path, str]:
    """The installation, a package that its command made, its passphrase's file, and the log's verifier key."""
    core = shop.core()
    tenant_id = shop.ask("tenant", "list")[0]["id"]
    Sender(core, tenant_id).send("customers/create", customer())
    drain(core)
    person = Person(email="person1@shop.example")
    request = requests.create(core, tenant_id, "system", "access", person)
    changes = {"state": "data_collection", "verified_at": core.clock()}
    models.RightsRequest.update(**changes).where(models.RightsRequest.id == request.id).execute()
    told = shop.ask("request", "package", request.id)
    assert told["request_id"] == request.id
    row = models.Package.get_by_id(told["id"])
    file, words = tmp_path / "my-data.zip", tmp_path / "passphrase"
    file.write_bytes(bytes(row.content))
    words.write_bytes(
        core.keys.unseal(tenant_id, bytes(row.passphrase_sealed), **package.place(row.id)) + b"\n"
    )
    vkey = core.signing.vkeys(core.log.head(tenant_id).origin)[0]
    core.store.close()
    return shop, file, words, vkey


def test_a_package_is_checked_without_a_database(made: tuple[Home, Path, Path, str], tmp_path: Path) -> None:
    _, file, words, vkey = made
    elsewhere = Home(tmp_path / "another machine")
    found = elsewhere.ask(
        "request", "verify-package", str(file), "--passphrase-file", str(words), "--vkey", vkey
    )
    assert (found["ok"], found["problem"], found["trusted"], found["signed_by"]) == (True, None, True, [vkey])
    assert (found["kind"], found["controller"]["name"]) == ("access", "Acme Shop")
    typed = elsewhere.ask("request", "verify-package", str(file), stdin=words.read_text().lower())
    assert (typed["ok"], typed["trusted"]) == (True, False)
    assert not elsewhere.directory.exists(), "nothing was opened or made"

    wrong = elsewhere.run("request", "verify-package", str(file), "--json", stdin="ABCD-EFGH\n")
    assert (wrong.code, wrong.document["ok"]) == (1, False)
    assert wrong.document["problem"].startswith("passphrase:")
    file.write_bytes(file.read_bytes()[:-40])
    broken = elsewhere.run("request", "verify-package", str(file), "--passphrase-file", str(words))
    assert broken.code == 1
    assert "damaged" in broken.out
    assert elsewhere.run("request", "verify-package", "no such file").code == 2
