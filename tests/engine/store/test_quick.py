"""Statements written once say the same as the models do, whatever the values and however many the rows."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import peewee
import pytest

from dxflow.engine.store import Store, models, quick

TENANT = "919108f7-52d1-4320-9bac-f847db4148a8"


def _activities(count: int) -> list[dict[str, object]]:
    quick.insert(models.DataController, {"id": TENANT, "name": "Acme"})
    return [
        {
            "id": uuid.uuid4() if number % 2 else str(uuid.uuid4()),
            "tenant_id": TENANT,
            "subject_id": None,
            "activity_type": f"newsletter {number}",
            "legal_basis": "consent",
            "purpose": "100 % 'quoted' \\ \"€\"",
            "fields": ["email", {"n": number}],
            "source": "test",
            "occurred_at": datetime(2026, 11, 24, 9, 0, 0, 123000, UTC),
            "created_at": "2026-11-24T10:00:00.123Z",
            "registration_state": "new",
        }
        for number in range(count)
    ]


@pytest.mark.parametrize("count", [0, 1, 64, 65, 130])
def test_many_rows_are_inserted_as_the_models_would(store: Store, count: int) -> None:
    rows = _activities(count)
    with store.transaction():
        quick.insert_all(models.ProcessingActivity, rows)
    found = {activity.id: activity.__data__ for activity in models.ProcessingActivity.select()}
    models.ProcessingActivity.delete().execute()
    for row in rows:
        models.ProcessingActivity.create(**row)
    assert {activity.id: activity.__data__ for activity in models.ProcessingActivity.select()} == found
    assert len(found) == count


def test_rows_of_one_shape_may_name_their_columns_in_any_order(store: Store) -> None:
    salts: list[dict[str, object]] = [
        {"tenant_id": TENANT, "seq": 1, "salt": b"\x00\xff"},
        {"salt": memoryview(b"\x01"), "seq": "2", "tenant_id": uuid.UUID(TENANT)},
    ]
    with store.transaction():
        quick.insert_all(models.AuditSalt, salts)
    found = [
        (row.tenant_id, row.seq, row.salt) for row in models.AuditSalt.select().order_by(models.AuditSalt.seq)
    ]
    assert found == [(TENANT, 1, b"\x00\xff"), (TENANT, 2, b"\x01")]
    with pytest.raises(KeyError):
        quick.insert_all(models.AuditSalt, [salts[0], {"tenant_id": TENANT}])


def test_one_row_that_breaks_a_key_leaves_none_of_its_transaction(store: Store) -> None:
    rows = [(TENANT, seq, b"salt") for seq in [*range(100), 5]]
    with pytest.raises(peewee.IntegrityError), store.transaction():
        quick.insert_rows(models.AuditSalt, ("tenant_id", "seq", "salt"), rows)
    assert models.AuditSalt.select().count() == 0
