"""What has to survive a power cut. (Bringing a file's own bytes to the disk is ``os.fsync``.)"""

from __future__ import annotations

import os
from pathlib import Path


def sync_directory(directory: Path) -> None:
    """Bring a directory's names to the disk: a new or renamed file has its name there only then (fsync(2))."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
