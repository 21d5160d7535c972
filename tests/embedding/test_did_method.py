"""The method of an installation's DIDs is for good."""

from __future__ import annotations

from pathlib import Path

import pytest
from server import Installation, command_line

from dxflow.config.errors import SettingsError
from dxflow.config.settings import Settings
from dxflow.engine import wiring
from dxflow.engine.store import models


def test_another_method_is_refused_at_the_start_in_one_line(installation: Installation) -> None:
    refused = command_line(installation.directory, "tenant", "list", did_method="other")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert len(refused.stderr.splitlines()) == 1
    assert "DXFLOW_DID_METHOD: 'other'" in refused.stderr
    assert "did:dep:" in refused.stderr
    assert command_line(installation.directory, "tenant", "list", did_method="dep").returncode == 0


def test_an_installation_from_before_the_check_keeps_the_method_it_has_issued(
    installation: Installation,
) -> None:
    settings = Settings.load(data_dir=str(installation.directory))
    with wiring.core_for(settings).store.transaction():
        models.Installation.delete().where(models.Installation.name == "did_method").execute()
    wiring.forget()
    with pytest.raises(SettingsError, match="begin with did:dep:"):
        wiring.core_for(settings.model_copy(update={"did_method": "other"}))
    wiring.forget()


def test_a_new_installation_may_have_any(tmp_path: Path) -> None:
    made = wiring.core_for(Settings.load(data_dir=str(tmp_path / "data"), did_method="other"))
    assert made.did_method == "other"
    wiring.forget()
