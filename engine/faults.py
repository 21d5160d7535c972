"""An error as it may be told: to people in the event's own row, to engineers in the process log."""

from __future__ import annotations

import traceback

from .errors import DxflowError, IllegalMove

ERROR_LENGTH = 500


def describe(error: BaseException) -> str:
    """An error as people may read it: dxflow's own texts as they are; of others only the kind, because their
    texts can quote the data they choked on."""
    if isinstance(error, IllegalMove):
        return f"a defect in dxflow: {error}"[:ERROR_LENGTH]
    if isinstance(error, DxflowError):
        return str(error)[:ERROR_LENGTH]
    return f"unexpected {type(error).__name__}; the process log has where it happened"


def where(error: BaseException) -> dict[str, str]:
    """The kind of an error and the last places it passed, for the process log; never its text."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    places = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames))
    return {"error": type(error).__name__, "at": places}
