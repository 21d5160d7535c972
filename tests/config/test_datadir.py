from __future__ import annotations

import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dxflow.config.datadir import DataDir
from dxflow.config.errors import DataDirBusy, DataDirError
from waiting import wait_until


def test_the_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    with DataDir(tmp_path / "deep" / "data") as data_dir:
        assert stat.S_IMODE(data_dir.path.stat().st_mode) == 0o700


def test_a_directory_that_cannot_be_made_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(DataDirError) as caught:
        DataDir(tmp_path / "file" / "data").open()
    assert str(caught.value) == f"DXFLOW_DATA_DIR: {tmp_path}/file/data can't be written: not a directory"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(DataDirError, match=r"^DXFLOW_DATA_DIR: .* can't be written: permission denied$"):
            DataDir(tmp_path).open()
    finally:
        tmp_path.chmod(0o700)


def test_a_second_server_is_told_who_holds_the_directory(
    tmp_path: Path, run_program: Callable[..., Any]
) -> None:
    holder = run_program("hold", tmp_path)
    pid = holder.wait_for(held=True)["process"]

    with pytest.raises(DataDirBusy) as caught:
        DataDir(tmp_path).open()
    assert f"{tmp_path} is in use by another dxflow (process {pid})" in str(caught.value)


def test_looking_at_a_held_directory_does_not_free_it(
    tmp_path: Path, run_program: Callable[..., Any]
) -> None:
    with DataDir(tmp_path):
        for _ in range(2):
            with pytest.raises(DataDirBusy, match=f"process {os.getpid()}"):
                DataDir(tmp_path / "." / "").open()
        code, stderr = run_program("hold", tmp_path).finish()
        assert code == 1
        assert "is in use by another dxflow" in stderr
        assert stderr.count("\n") == 1


def test_a_closed_directory_is_free_again(tmp_path: Path, run_program: Callable[..., Any]) -> None:
    data_dir = DataDir(tmp_path).open()
    data_dir.close()
    data_dir.close()

    run_program("hold", tmp_path).wait_for(held=True)


def test_the_lock_ends_with_kill_minus_nine_although_a_forked_worker_lives_on(
    tmp_path: Path, run_program: Callable[..., Any]
) -> None:
    master = run_program("hold_with_child", tmp_path)
    child = master.wait_for(held=True)["child"]
    try:
        master.kill()

        with DataDir(tmp_path):
            os.kill(child, 0)  # it does live on
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_forked_child_that_closes_the_directory_leaves_it_locked(
    tmp_path: Path, run_program: Callable[..., Any]
) -> None:
    with DataDir(tmp_path) as data_dir:
        child = os.fork()
        if child == 0:
            data_dir.close()
            os._exit(0)
        os.waitpid(child, 0)

        assert wait_until(lambda: run_program("hold", tmp_path).finish())[0] == 1
