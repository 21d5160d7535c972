"""What a merge moved, kept so that it can be taken back.

It names identifiers, so it is sealed under the key of the one who is gone: with that key it is forgotten.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from ..core import Core
from ..identity import vault
from ..identity.linkage import Identifier
from ..store import models

NAMES = ("email", "phone", "name")


@dataclass(frozen=True, slots=True)
class Moved:
    """``links`` went from the one who is gone to the one who is kept; ``names`` and ``scopes`` say what the
    profile of the latter got (names of its members, and of external ids their scopes); ``limits``, ``consents``
    and ``conflicts`` are ids of rows; ``state`` is what the one who is gone was before. ``own`` are ids of the
    limits and requests that the one who is kept had without the other, ``seq`` is the newest statement about
    them then: what isn't among these, or comes after it, was said while the two were one."""

    links: tuple[Identifier, ...]
    names: tuple[str, ...]
    scopes: tuple[str, ...]
    limits: tuple[str, ...]
    consents: tuple[str, ...]
    conflicts: tuple[str, ...]
    own: tuple[str, ...]
    state: str
    seq: int


def gained(
    before: Mapping[str, object], after: Mapping[str, object]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names and scopes by which a profile grew."""
    names = tuple(name for name in NAMES if before.get(name) != after.get(name))
    known = ids_of(before)
    return names, tuple(scope for scope in ids_of(after) if scope not in known)


def without(profile: Mapping[str, object], moved: Moved, given: Mapping[str, object]) -> dict[str, object]:
    """The profile without what it got from ``given`` and still says; what was said since stays."""
    left = dict(profile)
    for name in moved.names:
        if left.get(name) == given.get(name):
            left.pop(name, None)
    ids, theirs = ids_of(left), ids_of(given)
    kept = {
        scope: value
        for scope, value in ids.items()
        if scope not in moved.scopes or value != theirs.get(scope)
    }
    if kept != ids:
        left["external_ids"] = kept
    if not kept:
        left.pop("external_ids", None)
    return left


def ids_of(profile: Mapping[str, object]) -> dict[str, object]:
    """The external ids of a profile, by scope."""
    found = profile.get("external_ids")
    return dict(found) if isinstance(found, dict) else {}


def seal(core: Core, gone: models.DataSubject, merge_id: str, moved: Moved) -> bytes:
    """As the row of the merge keeps it."""
    text = json.dumps(asdict(moved)).encode()
    return vault.seal(core.subjects.profiles.key(gone), 1, text, place=_place(gone.tenant_id, merge_id))


def unseal(core: Core, gone: models.DataSubject, merge: models.SubjectMerge) -> Moved:
    """What ``seal`` sealed."""
    key, place = core.subjects.profiles.key(gone), _place(gone.tenant_id, merge.id)
    said = json.loads(vault.unseal(key, bytes(merge.moved_sealed), place=place))
    links = tuple(Identifier(*one) for one in said.pop("links"))
    state, seq = said.pop("state"), said.pop("seq")
    return Moved(links=links, state=state, seq=seq, **{name: tuple(ids) for name, ids in said.items()})


def _place(tenant_id: str, merge_id: str) -> str:
    return vault.place("subject_merges", "moved_sealed", tenant_id, merge_id)
