"""Schemathesis holds ``/openapi.json`` and the answers against each other, with every check it has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from callers import Caller

EXAMPLES = "3"
"""Generated inputs for each operation, beside all that the schemas' edges give; by hand it may be thousands."""
PATIENCE_S = 600


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_schemathesis_finds_nothing(api: Caller, tmp_path: Path) -> None:
    """The webhooks' addresses are among the operations: of an unknown connector they answer 404, whatever
    comes; what they take is held by the platforms' own tests. SCIM has a schema of its own (RFC 7643)."""
    program = Path(sys.executable).with_name("schemathesis")
    bounds = ("--max-examples", EXAMPLES, "--seed", "1", "--no-shrink")
    quiet = ("--generation-database", "none", "--no-color", "--warnings", "off")
    done = subprocess.run(
        [program, "run", f"{api.base}/openapi.json", "-H", f"Authorization: Bearer {api.key}",
         "--checks", "all", "--continue-on-failure", *bounds, *quiet],
        cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    for phase in ("Coverage", "Fuzzing", "Stateful"):
        assert f"✅  {phase}" in done.stdout, done.stdout
