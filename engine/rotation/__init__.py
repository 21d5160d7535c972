"""Rotating keys while everything runs: the root key, the keys that seal, the keys that link.

Each rotation makes a new version first, so that whatever is written from then on is under it; then it goes
through what is older, a page per transaction; then it retires the older version. Killed anywhere and called
again it goes on. What is retired still opens what a straggler left, until ``finish.py`` destroys it.
Keys that sign logs have a rotation of their own (``services/log_keys.py``): outsiders must hear of it.
"""

from .finish import finish
from .links import rotate_links
from .overview import Overview, overview, root_work, work
from .roots import rotate_root
from .seals import rotate_seal

__all__ = [
    "Overview",
    "finish",
    "overview",
    "root_work",
    "rotate_links",
    "rotate_root",
    "rotate_seal",
    "work",
]
