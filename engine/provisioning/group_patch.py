"""PATCH of a group, read as who comes and who goes, without reading who is in it.

``members[value eq "…"]`` (also several, joined by ``or``) is the only selection there is: a member has nothing
else to be chosen by.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from scim2_models import Path
from scim2_models.path import CompareOperator, Comparison, FilterNode, LogicalExpr, LogicalOperator

from ..errors import Invalid, Refused
from ..identity import did
from . import shapes
from .shapes import POLICY, Group, GroupMember, GroupPatch

_SCHEMA = f"{Group.__schema__}:".lower()


@dataclass(slots=True)
class Members:
    """What becomes of a group's members: ``cleared`` means that nobody but ``added`` stays."""

    cleared: bool = False
    added: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)

    def add(self, ids: set[str]) -> None:
        """These come."""
        self.added |= ids
        self.removed -= ids

    def remove(self, ids: set[str]) -> None:
        """These go."""
        self.added -= ids
        self.removed |= ids

    def clear(self) -> None:
        """All go."""
        self.cleared, self.added, self.removed = True, set(), set()


def apply(group: Group, operations: Iterable[Any]) -> Members:
    """Change the names of ``group`` by these operations; what they say of its members is returned.

    Raises Refused.
    """
    members = Members()
    for operation in operations:
        path = None if operation.path is None else Path[Group](operation.path)
        if path is None:
            operation, value, said = _without_members(operation)
            if said:
                _take(members, operation.op, value)
            if operation.value:
                shapes.apply(GroupPatch, [operation], group)
        elif _names_members(path):
            _carry_out(members, operation, path)
        else:
            shapes.apply(GroupPatch, [operation], group)
    return members


def ids_of(given: Iterable[Any]) -> set[str]:
    """The ids that members name. Raises Refused."""
    return {_id(member.value) for member in given}


def _without_members(operation: Any) -> tuple[Any, Any, bool]:
    """A path-less operation without what it says of members, that, and whether it says anything."""
    if not isinstance(operation.value, dict):
        return operation, None, False
    said = {name: one for name, one in operation.value.items() if _is_members(name)}
    rest = {name: one for name, one in operation.value.items() if name not in said}
    return operation.model_copy(update={"value": rest}), next(iter(said.values()), None), bool(said)


def _is_members(name: str) -> bool:
    return name.lower().removeprefix(_SCHEMA) == "members"


def _names_members(path: Path[Group]) -> bool:
    binding = path.resolve()
    return binding is not None and binding.field_name == "members"


def _carry_out(members: Members, operation: Any, path: Path[Group]) -> None:
    chosen = path.value_filter
    if chosen is None and _is_members(str(path)):
        _take(members, operation.op, operation.value)
    elif chosen is not None and operation.op == "remove":
        members.remove(_chosen(chosen))
    else:
        raise Refused("mutability", "a member is added or removed, and never changed")


def _take(members: Members, op: str, value: Any) -> None:
    ids = ids_of(_read(value))
    if op == "add":
        members.add(ids)
    elif op == "remove" and value is not None:
        members.remove(ids)
    else:
        members.clear()
        members.add(ids)


def _read(value: Any) -> list[GroupMember]:
    given = value if isinstance(value, list) else [] if value is None else [value]
    try:
        return [GroupMember.model_validate(one, scim_policy=POLICY) for one in given]
    except ValidationError as error:
        raise Refused("invalidValue", f"members: {shapes.refusal(error)}") from None


def _chosen(node: FilterNode) -> set[str]:
    match node:
        case Comparison(op=CompareOperator.eq, value=str() as value) if (
            node.attr_path.attr.lower() == "value"
        ):
            return {known} if (known := _known(value)) else set()
        case LogicalExpr(op=LogicalOperator.or_):
            return {one for term in node.terms for one in _chosen(term)}
    raise Refused(
        "invalidFilter", 'members are chosen by members[value eq "id"], several of them joined by or'
    )


def _id(value: object) -> str:
    try:
        return did.canonical(str(value or ""))
    except Invalid:
        raise Refused("invalidValue", "members.value: not the id of a user of this directory") from None


def _known(value: str) -> str:
    """An id to look for; what can't be one is nobody's."""
    try:
        return did.canonical(value)
    except Invalid:
        return ""
