from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make on this machine")


def make(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """As from a shell, also where make itself runs the tests and hands its own flags down."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", *words], cwd=directory, capture_output=True, text=True, check=False, env=bare
    )


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """As much of a bare clone as make looks at, in a path with a space."""
    directory = tmp_path / "a place" / "dx flow"
    directory.mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, directory)
    return directory


def test_make_alone_prints_one_line_per_target(clone: Path) -> None:
    shown = make(clone)

    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert [line.split()[1] for line in shown.stdout.splitlines()] == targets
    assert {"run", "test", "check", "bench", "diagram", "clean"} <= set(targets)
    assert shown.stderr == ""


def test_without_a_python_that_is_new_enough_the_line_says_what_to_do(clone: Path) -> None:
    told = make(clone, "run", "PYTHON=false")

    assert told.returncode == 2
    assert "Python 3.11 or newer is needed and not found" in told.stderr
    assert not (clone / ".venv").exists()


def test_a_change_of_the_project_file_makes_the_environment_anew(clone: Path) -> None:
    before = make(clone, "--dry-run", "test").stdout
    (clone / "pyproject.toml").write_text((clone / "pyproject.toml").read_text() + "\n# changed\n")
    after = make(clone, "--dry-run", "test").stdout

    stamps = [set(re.findall(r"\.ready-to-test-\S+", text)) for text in (before, after)]
    assert all(stamps)
    assert stamps[0].isdisjoint(stamps[1])
