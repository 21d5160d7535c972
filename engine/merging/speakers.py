"""Of two who were one for a while: whose word was it that came meanwhile?

A delivery tells by the identifiers in it, where every one of them was known before the merge and belongs to one
of the two; a rights request that came before the merge belongs to whom it is about. Of anything else nobody can
know: what is said at the desk, in a request that came meanwhile, or of an identifier that turned up meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..core import Core
from ..erasing.people import family
from ..identity.linkage import Identifier, identifiers
from ..platforms.base import Extraction
from ..steps import webhook
from ..store import models, quick
from .moved import Moved


@dataclass(frozen=True, slots=True)
class Speakers:
    """Two who are two again, the links of ``gone`` being theirs again already."""

    core: Core
    kept: models.DataSubject
    gone: models.DataSubject
    merge: models.SubjectMerge
    moved: Moved

    def of(self, event_id: str | None, request_id: str | None) -> str | None:
        """The id of the one who spoke in this delivery or request; None where that can't be known."""
        if request_id:
            return self._of_request(request_id)
        return self._of_event(event_id) if event_id else None

    def _of_request(self, request_id: str) -> str | None:
        if request_id in self.moved.own:
            return str(self.kept.id)
        row = quick.get(models.RightsRequest, id=request_id, tenant_id=self.merge.tenant_id)
        theirs = row is not None and row.subject_id in {one.id for one in family(self.gone)}
        return str(self.gone.id) if theirs else None

    def _of_event(self, event_id: str) -> str | None:
        tenant_id, event = self.merge.tenant_id, quick.get(models.Event, id=event_id)
        if event is None or event.tenant_id != tenant_id or event.connector_id is None:
            return None
        connector = quick.get(models.Connector, id=event.connector_id, tenant_id=tenant_id)
        found = webhook.opened(self.core, event, connector)
        if not isinstance(found, Extraction):  # its body is gone, or can't be read any more
            return None
        region = models.DataController.get_by_id(tenant_id).region
        persons = [one for one in (found.person, found.previous) if one is not None]
        owners = {self._owner(one) for person in persons for one in identifiers(person, region)}
        return owners.pop() if len(owners) == 1 else None

    def _owner(self, known: Identifier) -> str | None:
        """Whose an identifier was before the merge, and is still."""
        tenant_id = self.merge.tenant_id
        link = self.core.keys.link(tenant_id, known.field, known.scope, known.value)
        row = self.core.subjects.links.row(tenant_id, link)
        if row is None:
            return None
        if row.subject_id == self.gone.id:
            return str(self.gone.id)
        before = row.subject_id == self.kept.id and row.created_at < self.merge.merged_at
        return str(self.kept.id) if before else None
