"""``subject hold|release|erase``: a legal hold stops the command line too."""

from __future__ import annotations

from commands import Home

from dxflow.engine.platforms.base import Person
from dxflow.engine.services.subjects import subjects


def test_a_person_under_a_legal_hold_is_not_erased_from_the_command_line(shop: Home) -> None:
    core = shop.core()
    tenant_id = shop.ask("tenant", "list")[0]["id"]
    ada, _ = subjects.enter(core, tenant_id, Person(email="ada@example.com"), "system")
    core.store.close()
    hold = shop.ask("subject", "hold", ada.id, "--reason", "-", stdin="a claim for damages")
    assert (hold["subject_id"], hold["placed_by"], hold["lifted_at"]) == (ada.id, "system", None)
    refused = shop.run("subject", "erase", ada.did, "--yes", "--alone")
    refused.refused(f"legal hold {hold['id']} is in force")
    assert "damages" not in refused.err
    assert shop.ask("subject", "release", ada.did, hold["id"])["lifted_by"] == "system"
    assert shop.ask("subject", "erase", ada.id, "--yes", "--alone")["subject_id"] == ada.id
