"""kill -9 in the middle of a restore leaves the old database or the new one, or says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from places import Place

from dxflow.config.errors import DataDirError
from dxflow.engine.services import tenants

pytestmark = pytest.mark.fault


def there(place: Place) -> list[str]:
    """The tenants that are there."""
    place.core()
    names = sorted(one.name for one in tenants.every())
    place.leave()
    return names


@pytest.mark.parametrize("where", ["aftermath.settle", "sqlite.check", "sqlite.fold"])
def test_before_its_end_a_restore_has_changed_nothing(place: Place, tmp_path: Path, where: str) -> None:
    if place.database_url is not None and where.startswith("sqlite"):
        pytest.skip("PostgreSQL has one transaction from its beginning to its end")
    made = place.backup(tmp_path / "backups")
    place.shop("Later Shop")
    place.restore_and_die(made, where)
    assert there(place) == ["Acme Shop", "Later Shop"]
    place.restore(made, force=True)
    assert there(place) == ["Acme Shop"]


def test_between_the_two_files_nothing_starts_until_the_restore_is_made_again(
    place: Place, tmp_path: Path
) -> None:
    if place.database_url is not None:
        pytest.skip("a transaction of PostgreSQL has no such moment")
    made = place.backup(tmp_path / "backups")
    place.shop("Later Shop")
    place.restore_and_die(made, "sqlite._move_in")
    with pytest.raises(DataDirError, match="run `dxflow restore` again"):
        place.core()
    place.restore(made)
    assert there(place) == ["Acme Shop"]
