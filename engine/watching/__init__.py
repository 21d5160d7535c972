"""The outside memory of a log: it sees each checkpoint, demands that it extends the last, and cosigns it.

It needs nothing of the installation it watches but the log's public address (C2SP tlog-tiles), and runs best
where the installation's operator has no say.
"""

from __future__ import annotations

from .remote import RemoteLog
from .state import State
from .watcher import Alarm, Seen, Watcher

__all__ = ["Alarm", "RemoteLog", "Seen", "State", "Watcher"]
