"""Users and groups as they travel (RFC 7643), and how their requests are read (RFC 7644).

Attributes and extensions that nobody here knows are left out, not refused: a directory that sends one more can
still shut somebody out. PATCH is read as Entra writes it too: capitalised operations, a ``remove`` whose value
names what goes, a path whose filter describes what isn't there yet.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import Field, ValidationError, field_validator
from scim2_models import (
    URN,
    AnyExtension,
    BaseModel,
    CaseExact,
    ComplexAttribute,
    Context,
    EnterpriseUser,
    Error,
    Mutability,
    PatchOp,
    Reference,
    Required,
    Resource,
    ResponseParameters,
    SCIMException,
    ScimPolicy,
    SearchRequest,
)
from scim2_models import Email as AnyEmail
from scim2_models import User as AnyUser

from ..errors import Refused
from ..identity import normalise
from .documents import OURS, Document

POLICY = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)
MOST_OPERATIONS = 1000
_QUOTED = re.compile(r'"[^"]*"?')
_LONGEST_DETAIL = 300

Shape = TypeVar("Shape", bound=BaseModel)


class Email(AnyEmail):
    """An e-mail address of a user."""

    value: str | None = None  # by our own rule: what lies in the reserved domain .test is an address too
    """The address."""

    @field_validator("value")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        if value is not None and normalise.email(value) is None:
            raise ValueError("not an e-mail address")
        return value


class User(AnyUser[AnyExtension]):
    """User Account"""

    emails: list[Email] | None = None  # type: ignore[assignment]  # narrower than the library's
    """E-mail addresses; the primary one, or else the first, is where the user signs in."""


Person = User[EnterpriseUser]


class GroupMember(ComplexAttribute):
    """A member of a group."""

    value: Annotated[str | None, Mutability.immutable, CaseExact.true, Required.true] = None
    """The id of a user."""

    ref: Annotated[Reference[User] | None, Mutability.immutable] = Field(  # type: ignore[type-arg]  # any user
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    """Where that user is found."""

    type: Annotated[str | None, Mutability.immutable] = Field(None, examples=["User"])
    """Always ``User``: groups have no groups in them."""


class Group(Resource[Any]):
    """Group"""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:Group")

    display_name: Annotated[str | None, Required.true] = None
    """The group's name; that of a role gives the role to its members."""

    members: list[GroupMember] | None = None
    """The users in it."""

    Members: ClassVar[type[ComplexAttribute]] = GroupMember


UserSearch = SearchRequest[Person]
GroupSearch = SearchRequest[Group]
UserPatch = PatchOp[Person]
GroupPatch = PatchOp[Group]
UserShown = ResponseParameters[Person]
GroupShown = ResponseParameters[Group]


def read(model: type[Shape], body: object, context: Context) -> Shape:
    """A body as a resource or message. Raises Refused, naming the attribute that isn't as it must be."""
    _require_text(body)
    try:
        return model.model_validate(body, scim_ctx=context, scim_policy=POLICY)
    except ValidationError as error:
        raise refusal(error) from None


def read_patch(model: type[PatchOp[Any]], body: object) -> list[Any]:
    """The operations of a PATCH. Raises Refused."""
    operations = read(model, body, Context.RESOURCE_PATCH_REQUEST).operations or []
    if len(operations) > MOST_OPERATIONS:
        raise Refused("tooMany", f"Operations: at most {MOST_OPERATIONS} at once")
    return operations


def apply(patch: type[PatchOp[Any]], operations: list[Any], resource: Resource[Any]) -> None:
    """Change the resource as the operations say: all of them, or none. Raises Refused."""
    try:
        if operations:
            with POLICY:  # making the message looks at the operations once more
                patch(Operations=operations).patch(resource)
    except (SCIMException, ValidationError) as error:
        raise refusal(error) from None


def refusal(error: SCIMException | ValidationError) -> Refused:
    """What the library says is wrong, in words that quote no value."""
    cause = error.__cause__ if isinstance(error.__cause__, ValidationError) else error
    told = Error.from_validation_errors(cause)[0] if isinstance(cause, ValidationError) else cause.to_error()
    detail = (told.detail or "this request can't be understood").removeprefix("Value error, ")
    detail = _QUOTED.sub('"…"', detail)
    return Refused(told.scim_type or "invalidValue", detail[:_LONGEST_DETAIL])


def _require_text(value: object) -> None:
    """JSON can spell half a character (a lone surrogate); nothing can keep it. Raises Refused."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, str) and not _is_text(one):
            raise Refused("invalidValue", "a text in this body isn't Unicode: it holds half a character")


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_storable(value: str) -> bool:
    """Whether a database can compare this text with what it keeps."""
    return "\x00" not in value and _is_text(value)


def kept(person: Person) -> Document:
    """The part of a resource that is kept."""
    told: Document = person.model_dump(scim_ctx=Context.DEFAULT)
    return {name: value for name, value in told.items() if name not in OURS}


def person_of(document: Document) -> Person:
    """A kept document as a resource."""
    made: Person = Person.model_validate(document, scim_policy=POLICY)
    return made
