"""What keeps two data subjects from being merged or taken apart: somebody else's decision that comes first."""

from __future__ import annotations

from collections.abc import Sequence

from ..erasing.people import family
from ..errors import Conflict, Invalid
from ..fulfilment import legal_holds
from ..rights import limits
from ..store import models

REASON_LENGTH = 500
_WAITING = ("proposed", "approved")


def reason(text: str) -> str:
    """The reason without blanks around it. Raises Invalid for one of the wrong length."""
    clean = text.strip()
    if not clean or len(clean) > REASON_LENGTH:
        raise Invalid("reason", f"must have 1 to {REASON_LENGTH:,} characters")
    return clean


def require_movable(people: Sequence[models.DataSubject]) -> None:
    """What is held for a court stays as it is, and so does what two people are about to erase: they agreed on
    whose data goes. Raises Conflict; no refusal says why a hold was placed."""
    held = [hold.id for one in people for hold in legal_holds.of(one.id)]
    if held:
        named = ", ".join(dict.fromkeys(held))
        raise Conflict(
            f"legal hold {named} is in force: what belongs to whom stays as it is until it is lifted"
        )
    ids, order = [member.id for one in people for member in family(one)], models.ErasureOrder
    waiting = order.select(order.id).where(order.subject_id.in_(ids), order.state.in_(_WAITING)).first()
    if waiting is not None:
        raise Conflict(f"erasure order {waiting.id} waits to be decided: approve or refuse it first")


def require_unrestricted(people: Sequence[models.DataSubject]) -> None:
    """Restricted data may only be stored (GDPR Art. 18(2)). Raises Conflict."""
    if any(limits.restricts(one) for one in people):
        raise Conflict("processing is restricted for one of the two: lift the restriction first")
