"""Each peer's own environment, made by pip when the bench first needs it, so that none burdens the product's.

They lie in ``build/peers`` and are made again when their pins or the Python change.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from stage import ROOT

INSTALL_S = 300.0


class PeerMissing(Exception):
    """Raised when a peer can't be installed here; the text says why."""


def python_of(folder: Path) -> Path:
    """The Python of a peer's environment, which is made if need be. Raises PeerMissing."""
    pins = folder / "requirements.txt"
    key = hashlib.sha256(pins.read_bytes() + sys.version.encode()).hexdigest()[:12]
    environment = ROOT / "build" / "peers" / f"{folder.name}-{key}"
    python, ready = environment / "bin" / "python", environment / ".ready"
    if not ready.exists():
        environment.parent.mkdir(parents=True, exist_ok=True)
        _run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(environment)])
        quiet = ["--quiet", "--disable-pip-version-check"]
        _run([sys.executable, "-m", "pip", "--python", str(python), "install", *quiet, "-r", str(pins)])
        ready.touch()
    return python


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALL_S)
    except subprocess.CalledProcessError as error:
        lines = [line for line in error.stderr.splitlines() if line.strip()]
        raise PeerMissing(next(reversed(lines), f"pip ended with {error.returncode}")) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerMissing(str(error)) from None
