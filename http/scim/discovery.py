"""What this service can do, and the shapes of its resources (RFC 7644 section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import falcon
from scim2_models import (
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    Context,
    EnterpriseUser,
    ETag,
    Filter,
    Meta,
    Pagination,
    Patch,
    Resource,
    ResourceType,
    Schema,
    ServiceProviderConfig,
    Sort,
)

from ...engine.errors import NotFound
from ...engine.provisioning.searching import DEFAULT_COUNT, MOST_COUNTED
from ...engine.provisioning.shapes import Group, Person, User
from . import answers
from .resources import Scim

_MODELS = (User, Group, EnterpriseUser, ResourceType, Schema, ServiceProviderConfig)


class Config(Scim):
    """``/ServiceProviderConfig``."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """200."""
        del req
        made = _config()
        made.meta = Meta(
            resource_type="ServiceProviderConfig", location=f"{self._place.address}/ServiceProviderConfig"
        )
        answers.say(resp, made.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE))

    on_head = on_get


class _Discovered(Scim):
    kind: type[Resource[Any]]

    @cached_property
    def _all(self) -> list[dict[str, Any]]:
        """As JSON, made when somebody first asks: directories do so once, and a start is sooner over."""
        return [one.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE) for one in self._made()]

    def _made(self) -> Sequence[Resource[Any]]:
        if self.kind is Schema:
            made: Sequence[Any] = [model.to_schema() for model in _MODELS]
        else:
            made = [ResourceType.from_resource(Person), ResourceType.from_resource(Group)]
        for one in made:
            name = self.kind.__name__
            one.meta = Meta(resource_type=name, location=f"{self._place.address}/{name}s/{one.id}")
        return made

    def _say_all(self, req: falcon.Request, resp: falcon.Response) -> None:
        """A filter over what never changes is refused (section 4), lest it be taken for an answer."""
        if req.get_param("filter") is not None:
            raise falcon.HTTPForbidden(description="this list has no filter")
        answers.say(resp, answers.listed(self._all))

    def _say_one(self, resp: falcon.Response, name: str) -> None:
        found = next((one for one in self._all if one["id"].lower() == name.lower()), None)
        if found is None:
            raise NotFound(f"there is no such {self.kind.__name__} here")
        answers.say(resp, found)


class _All(_Discovered):
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """200: a ListResponse."""
        self._say_all(req, resp)

    on_head = on_get


class _Named(_Discovered):
    def on_get(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        """200."""
        del req
        self._say_one(resp, name)

    on_head = on_get


class Schemas(_All):
    """``/Schemas``."""

    kind = Schema


class NamedSchema(_Named):
    """``/Schemas/{urn}``."""

    kind = Schema


class ResourceTypes(_All):
    """``/ResourceTypes``."""

    kind = ResourceType


class NamedResourceType(_Named):
    """``/ResourceTypes/{name}``."""

    kind = ResourceType


def _config() -> ServiceProviderConfig:
    return ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
        filter=Filter(supported=True, max_results=MOST_COUNTED),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=True),
        etag=ETag(supported=True),
        pagination=Pagination(
            cursor=False,
            index=True,
            default_pagination_method=Pagination.DefaultPaginationMethod.index,
            default_page_size=DEFAULT_COUNT,
            max_page_size=MOST_COUNTED,
        ),
        authentication_schemes=[
            AuthenticationScheme(
                type=AuthenticationScheme.Type.oauthbearertoken,
                name="API key",
                description="An API key with the scope 'scim' as the bearer token",
                primary=True,
            )
        ],
    )
