"""``/api/v1/rights-desk``: how the desk works. Where the team is reached is set here, and shown nowhere."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import Field, model_serializer

from ...engine.desk import settings
from .operation import Call
from .values import Email, Line, Moment, Nothing, Optional, Shape


def _zones(schema: dict[str, Any]) -> None:
    """The closed list; made when somebody asks for the document, because it is long."""
    schema.pop("type", None)
    schema["enum"] = sorted(available_timezones())


_UNIQUE = {"uniqueItems": True}

Language = Literal["en", "de", "fr", "es", "it", "nl"]
Languages = Annotated[list[Language], Field(min_length=1, max_length=6, json_schema_extra=_UNIQUE)]
Origin = Annotated[str, Field(max_length=300, pattern=settings.ORIGIN)]
Origins = Annotated[list[Origin], Field(max_length=settings.MOST_ORIGINS)]
Page = Annotated[str, Field(max_length=settings.LONGEST_URL, pattern=settings.PAGE)]
Zone = Annotated[str, Field(json_schema_extra=_zones)]
Days = Annotated[int, Field(ge=1, le=settings.LONGEST_PACKAGE, strict=True)]
YesOrNo = Annotated[bool, Field(strict=True)]


def _every_language() -> list[Language]:
    return ["en", "de", "fr", "es", "it", "nl"]


class RightsDesk(Shape):
    """How the desk works. ``updated_at`` is null while all of it are defaults."""

    team_email_set: bool
    zone: str
    languages: list[str]
    embed_origins: list[str]
    form_open: bool
    privacy_url: str | None
    authority: str | None
    package_days: int
    updated_at: Moment | None


class RightsDeskChange(Optional):
    """What shall be otherwise; what isn't named stays. Null takes an address, a page or an authority away."""

    team_email: Email | None = None
    zone: Zone = "UTC"
    languages: Languages = Field(default_factory=_every_language)
    embed_origins: Origins = Field(default_factory=list)
    form_open: YesOrNo = True
    privacy_url: Page | None = None
    authority: Line | None = None
    package_days: Days = 14

    @model_serializer(mode="wrap")
    def _as_said(self, whole: Any) -> dict[str, Any]:
        """What wasn't named is no part of the request: repeated with something named, it is another one."""
        return {name: value for name, value in whole(self).items() if name in self.model_fields_set}


def show(call: Call[Nothing, Nothing]) -> RightsDesk:
    """As it stands."""
    return _shape(settings.of(call.tenant_id))


def change(call: Call[Nothing, RightsDeskChange]) -> RightsDesk:
    """From now on."""
    changes = {name: getattr(call.body, name) for name in call.body.model_fields_set}
    return _shape(settings.change(call.core, call.tenant_id, call.caller.actor, changes))


def _shape(desk: settings.Desk) -> RightsDesk:
    return RightsDesk.model_validate({name: getattr(desk, name) for name in RightsDesk.model_fields})
