"""What the leaf of a registered processing activity commits to."""

from __future__ import annotations

from .. import moments
from ..errors import Invalid, PermanentError
from ..store import models
from . import leaves


def payload(activity: models.ProcessingActivity) -> dict[str, object]:
    """What the leaf commits to: the activity as it stood when it was first published. Raises PermanentError
    for columns that no leaf can hold."""
    content = {
        "id": activity.id,
        "subject_id": activity.subject_id,
        "activity_type": activity.activity_type,
        "legal_basis": activity.legal_basis,
        "purpose": activity.purpose,
        "fields": activity.fields,
        "occurred_at": moments.to_text(activity.occurred_at),
    }
    try:
        leaves.canonical(content)
    except Invalid as error:
        raise PermanentError(f"the activity can't be registered: {error}") from error
    if not isinstance(activity.fields, list):
        raise PermanentError("the activity can't be registered: fields must be a list of names")
    return content
