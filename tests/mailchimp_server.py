"""Mailchimp's Marketing API 3.0: members of an audience by the MD5 of their lower-case address.

https://mailchimp.com/developer/marketing/api/list-members/delete-list-member/ (permanent: 204, 404 for nobody)
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from recipients_servers import Called, Playing, Response, document

KEY = "0123456789abcdef-us21"


def hashed(email: str) -> str:
    return hashlib.md5(email.lower().encode(), usedforsecurity=False).hexdigest()


@dataclass
class Mailchimp(Playing):
    """``members`` by (audience, hash); ``forgotten`` can never come back by an import."""

    members: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    forgotten: set[tuple[str, str]] = field(default_factory=set)

    def join(self, audience: str, email: str, **columns: Any) -> None:
        row = {"email_address": email, "status": "subscribed", "merge_fields": {}, **columns}
        self.members[audience, hashed(email)] = row

    def answer(self, call: Called) -> Response:
        if call.basic[1] != KEY and call.bearer != KEY:
            return _problem(401, "API Key Invalid")
        parts = call.path.strip("/").split("/")
        if parts == ["3.0", "ping"]:
            return document(200, {"health_status": "Everything's Chimpy!"})
        if parts[:2] == ["3.0", "lists"] and parts[3:] == ["members"] and call.method == "GET":
            return self._by_unique(call, parts[2])
        if parts[:2] != ["3.0", "lists"] or len(parts) < 5 or parts[3] != "members":
            return _problem(404, "Resource Not Found")
        return self._member(call, (parts[2], parts[4]), parts[5:])

    def _by_unique(self, call: Called, audience: str) -> Response:
        wanted = dict(call.query)["unique_email_id"]
        rows = self.members.items()
        found = [
            {"id": who[1]} for who, row in rows if who[0] == audience and row.get("unique_email_id") == wanted
        ]
        return document(200, {"members": found})

    def _member(self, call: Called, who: tuple[str, str], action: list[str]) -> Response:
        row = self.members.get(who)
        if row is None:
            return _problem(404, "Resource Not Found")
        if action == ["actions", "delete-permanent"] and call.method == "POST":
            del self.members[who]
            self.forgotten.add(who)
            return 204, {}, b""
        if action:
            return _problem(404, "Resource Not Found")
        if call.method == "DELETE":
            if row["status"] == "archived":
                return _problem(405, "Method Not Allowed")
            row["status"] = "archived"
            return 204, {}, b""
        if call.method == "PATCH":
            return self._patch(who, row, call.json)
        return document(200, {"id": who[1], "list_id": who[0], **row})

    def _patch(self, who: tuple[str, str], row: dict[str, Any], wish: dict[str, Any]) -> Response:
        allowed = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional")
        if wish.get("status", "subscribed") not in allowed:
            return _problem(400, "Invalid Resource")
        if wish.get("status") == "subscribed" and row["status"] == "cleaned":
            return _problem(400, "Member In Compliance State")
        merged = {**row["merge_fields"], **wish.pop("merge_fields", {})}
        row.update(wish, merge_fields=merged)
        if "email_address" in wish:
            self.members[who[0], hashed(row["email_address"])] = self.members.pop(who)
        return document(200, {"id": hashed(row["email_address"]), "list_id": who[0], **row})


def _problem(status: int, title: str) -> Response:
    content = {"type": "https://mailchimp.com/developer/marketing/docs/errors/", "title": title}
    kind = {"Content-Type": "application/problem+json"}
    status_, headers, body = document(status, {**content, "status": status, "detail": "", "instance": "x"})
    return status_, {**headers, **kind}, body
