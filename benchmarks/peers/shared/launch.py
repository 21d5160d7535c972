"""``python launch.py MODULE WORD NUMBER…``: a system's module is imported under its own name, because its tasks
are found by that, and told what to do."""

from __future__ import annotations

import importlib
import sys

import peer

if __name__ == "__main__":
    module, word, *numbers = sys.argv[1:]
    peer.run(importlib.import_module(module).SYSTEM, word, map(int, numbers))
