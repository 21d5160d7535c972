"""A directory as the edge sees it: a program that speaks SCIM with one key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import requests
from callers import Caller

MEDIA_TYPE = "application/scim+json"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


@dataclass
class ScimCaller(Caller):
    """Paths are below ``/scim/v2``."""

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Content-Type": MEDIA_TYPE, **options.pop("headers", {})}
        return super().send(method, f"/scim/v2{path}", headers=headers, **options)

    def user(self, name: str, /, **attributes: Any) -> dict[str, Any]:
        """A new user."""
        answer = self.post("/Users", {"schemas": [USER], "userName": name, **attributes})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def group(self, name: str, /, *members: str, **attributes: Any) -> dict[str, Any]:
        """A new group of these users."""
        body = {"schemas": [GROUP], "displayName": name, "members": [{"value": one} for one in members]}
        answer = self.post("/Groups", {**body, **attributes})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def patch(self, path: str, *operations: dict[str, Any], **options: Any) -> requests.Response:
        """Send a PatchOp."""
        body = {"schemas": [PATCH], "Operations": list(operations)}
        return self.send("PATCH", path, json=body, **options)

    def put(self, path: str, body: object, **options: Any) -> requests.Response:
        """Replace a resource."""
        return self.send("PUT", path, json=body, **options)

    def found(self, filter: str, kind: str = "Users") -> list[str]:
        """The names of those that a filter finds."""
        answer = self.get(f"/{kind}", params={"filter": filter})
        assert answer.status_code == 200, answer.text
        listed = answer.json()["Resources"]
        return [one["userName" if kind == "Users" else "displayName"] for one in listed]


def refused(answer: requests.Response, status: int, scim_type: str | None = None) -> dict[str, Any]:
    """An error as RFC 7644 section 3.12 has it; returns it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == MEDIA_TYPE
    told: dict[str, Any] = answer.json()
    assert told["schemas"] == [ERROR]
    assert told["status"] == str(status)
    assert told.get("scimType") == scim_type, told
    assert told["detail"]
    return told
