"""An authorised agent (Data Rights Protocol) with a key of its own; PyNaCl signs, as agents do."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import timedelta

import requests
from nacl.signing import SigningKey

from dxflow.engine.core import Core


@dataclass
class Agent:
    """Signs and sends; ``token`` is the one it was given last."""

    core: Core
    site: str
    tenant_id: str
    business: str
    name: str = "CONSUMER_HELP"
    key: SigningKey = field(default_factory=SigningKey.generate)
    token: str = ""

    @property
    def verify_key(self) -> str:
        return base64.b64encode(bytes(self.key.verify_key)).decode()

    def envelope(self, **changes: object) -> dict[str, object]:
        """What every message says; a change to None leaves a member out."""
        now = self.core.clock()
        message: dict[str, object] = {
            "agent-id": self.name,
            "business-id": self.business,
            "issued-at": now.isoformat(),
            "expires-at": (now + timedelta(minutes=10)).isoformat(),
            "drp.version": "1.0",
        }
        merged = {**message, **{name.replace("__", "."): value for name, value in changes.items()}}
        return {name: value for name, value in merged.items() if value is not None}

    def wish(self, **changes: object) -> dict[str, object]:
        """A request as an agent makes it."""
        asked = {
            "exercise": "deletion",
            "regime": "ccpa",
            "relationships": ["customer"],
            "name": "Canary Bird",
            "email": "canary@person.example",
            "email_verified": True,
        }
        return self.envelope(**{**asked, **changes})

    def signed(self, message: object) -> bytes:
        raw = message if isinstance(message, bytes) else json.dumps(message).encode()
        return base64.b64encode(self.key.sign(raw))

    def send(
        self, method: str, path: str, body: bytes | None = None, token: str | None = None
    ) -> requests.Response:
        headers = {"Content-Type": "text/plain"} if body is not None else {}
        if given := self.token if token is None else token:
            headers["Authorization"] = f"Bearer {given}"
        url = f"{self.site}/drp/{self.tenant_id}/v1/{path}"
        return requests.request(method, url, data=body, headers=headers, timeout=30)

    def set_up(self, **changes: object) -> requests.Response:
        answer = self.send("POST", f"agent/{self.name}", self.signed(self.envelope(**changes)), token="")
        if answer.status_code == 200:
            self.token = answer.json()["token"]
        return answer

    def exercise(self, **changes: object) -> requests.Response:
        return self.send("POST", "data-rights-request", self.signed(self.wish(**changes)))
