"""What stops a start: each error is one line for the person at the terminal, and never holds a secret.

The command line prints the line and exits with 1. These stand apart from the engine's errors because nothing
in ``config`` may import the engine.
"""

from __future__ import annotations


class StartError(RuntimeError):
    """Raised when dxflow can't start as it is set up; ``str(error)`` is one line that says what to change.

    A RuntimeError because gunicorn, which loads the application in its master under ``--preload``, tells those
    in one line too, and all others with a traceback.
    """


class SettingsError(StartError):
    """Raised for a setting that is wrong, unknown or not supported; the line begins with its name."""


class DataDirError(StartError):
    """Raised when the data directory can't be made or written."""


class DataDirBusy(DataDirError):
    """Raised when another running dxflow holds the data directory."""


class AddressTaken(StartError):
    """Raised when the edge can't listen where ``DXFLOW_HOST`` and ``DXFLOW_PORT`` say."""


class ValkeyError(StartError):
    """Raised when the embedded Valkey can't be started or doesn't answer."""
