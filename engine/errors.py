"""Every error the engine raises on purpose, split by whose fault it is.

Each carries the HTTP ``status`` and the short ``kind`` (the tail of the RFC 9457 ``type``) with which an edge
answers it. Texts name what is wrong and what is allowed; they never carry personal data or secrets, because
they end in logs, in event rows and in answers.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar


class DxflowError(Exception):
    """Root of the tree: catch it to catch whatever dxflow raises on purpose."""

    status: ClassVar[int] = 500
    kind: ClassVar[str] = "internal"


class CallerError(DxflowError):
    """The caller's fault: repeating the same call gives the same answer."""

    status = 400
    kind = "bad-request"


class Malformed(CallerError):
    """Raised when a body is authentic but can't be parsed."""

    kind = "malformed"


class Invalid(CallerError):
    """Raised when a well-formed value isn't one of the allowed ones; ``field`` names it."""

    status = 422
    kind = "invalid"

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.detail = detail


class NotThere(Invalid):
    """Raised when a value names something that there isn't for this tenant: a data subject, a tree that the log
    hasn't grown to. ``field`` names the value."""

    status = 404
    kind = "not-found"


class Unfit(Invalid):
    """Raised when a value is one of the allowed ones and doesn't fit how things stand: a moment that is still
    to come, a number that nobody can have, a key that was used. ``field`` names it."""

    status = 409
    kind = "conflict"


class NotAuthentic(CallerError):
    """Raised when a signature, secret or credential is missing, wrong or stale."""

    status = 401
    kind = "not-authentic"


class Forbidden(CallerError):
    """Raised when the caller is known but lacks the scope or role."""

    status = 403
    kind = "forbidden"


class NotFound(CallerError):
    """Raised when a row doesn't exist for this tenant; another tenant's row is the same as none."""

    status = 404
    kind = "not-found"


class Conflict(CallerError):
    """Raised when the row's present state forbids the move."""

    status = 409
    kind = "conflict"


class TooManyAttempts(CallerError):
    """Raised when somebody guessed too often; ``until`` is when they may try again, in ``seconds``."""

    status = 429
    kind = "too-many-attempts"

    def __init__(self, until: datetime, seconds: int) -> None:
        super().__init__(f"there were too many failed attempts; try again in {seconds} s")
        self.until = until
        self.seconds = seconds


class Taken(Conflict):
    """Raised when a name or an address that may stand here once stands here already."""

    kind = "uniqueness"


class Stale(CallerError):
    """Raised when a row isn't any more what its caller last read."""

    status = 412
    kind = "stale"


class Refused(CallerError):
    """Raised when a directory's request can't be understood; ``scim_type`` is the word for it in RFC 7644
    section 3.12, table 9."""

    kind = "refused"

    def __init__(self, scim_type: str, detail: str) -> None:
        super().__init__(detail)
        self.scim_type = scim_type


class TooLarge(CallerError):
    """Raised when a body exceeds ``DXFLOW_MAX_BODY_BYTES``."""

    status = 413
    kind = "too-large"


class StepError(DxflowError):
    """Raised inside a workflow step; the retry policy decides what follows."""


class PermanentError(StepError):
    """Raised when trying again can't help (the body doesn't fit its topic, a row is gone): fails at once."""

    kind = "permanent"


class TransientError(StepError):
    """Raised when trying again may help; ``retry_after`` is the wait in seconds the other side asked for."""

    status = 503
    kind = "transient"

    def __init__(self, detail: str, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class IllegalMove(DxflowError):
    """Raised when a workflow has no such step or outcome; nothing is changed."""

    kind = "illegal-move"


class StaleFence(DxflowError):
    """Raised when a lock holder outlived its lease and another has the log: its append is refused."""

    kind = "stale-fence"


class LogBroken(DxflowError):
    """Raised when the stored log contradicts itself: a missing leaf, a wrong root, a forged checkpoint."""

    kind = "log-broken"


class Trespass(DxflowError):
    """Raised when code reaches for a tenant's rows without a scope, or for another tenant's than its own: a
    defect of ours, and nothing was read or written."""

    kind = "trespass"


class Undecipherable(DxflowError):
    """Raised when a sealed value can't be opened: tampered with, moved to another row, or its key erased."""

    kind = "undecipherable"


class Unavailable(DxflowError):
    """Raised when something dxflow depends on (database, Redis, dx-agent) doesn't answer."""

    status = 503
    kind = "unavailable"


class Busy(DxflowError):
    """Raised when as much of one kind is under way as this server does at once: nothing is wrong, and it is
    worth trying again in ``seconds``."""

    status = 503
    kind = "busy"

    def __init__(self, detail: str, seconds: int) -> None:
        super().__init__(f"{detail}; try again in {seconds} s")
        self.seconds = seconds


class Deadlock(Unavailable):
    """Raised when the database undid a transaction because it and another waited for each other: nobody's
    fault, and it may be run again at once."""
