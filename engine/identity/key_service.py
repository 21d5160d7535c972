"""Root keys in the care of a key service: they lie in the database encrypted by it, and it is asked when a
process starts. A stolen database opens nothing without the service; a service that is away stops no process
that runs.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from ..calling import Caller, Reply
from ..moments import Clock
from ..store import Store, models, quick
from . import vault
from .roots import KeyFault, KeyFile, root_id

_BOUND_TO = base64.b64encode(b"dxflow root key").decode()
_ELECTED = "root_key_service"


class KeyService(Protocol):
    """What a service must be able to do. Both raise TransientError when it doesn't answer, KeyFault when it
    refuses."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    def encrypt(self, key: bytes) -> str:
        """The key as the service keeps it: a text that only it can open."""
        ...

    def decrypt(self, sealed: str) -> bytes:
        """The key again."""
        ...


@dataclass(frozen=True, slots=True)
class VaultTransit:
    """A key of HashiCorp Vault's transit engine (https://developer.hashicorp.com/vault/api-docs/secret/transit).

    ``url`` is that of the key: ``https://host/v1/<mount>/keys/<name>``. Its type must be an AES-GCM one
    (``aes256-gcm96``, Vault's default), because the ciphertext is bound to its purpose.
    """

    caller: Caller
    mount: str
    key: str
    token: str = field(repr=False)

    @classmethod
    def at(cls, url: str, token: str, clock: Clock) -> VaultTransit:
        """The adapter for the address of a transit key."""
        parts = urlsplit(url)
        mount, _, key = parts.path.rpartition("/keys/")
        return cls(Caller("the key service", f"{parts.scheme}://{parts.netloc}", clock), mount, key, token)

    @property
    def name(self) -> str:
        """Host and key."""
        return f"the key service at {self.caller.host} (key {self.key})"

    def encrypt(self, key: bytes) -> str:
        """``vault:v<n>:…``, under the newest version of the service's key."""
        sealed = self._ask("encrypt", plaintext=base64.b64encode(key).decode()).get("ciphertext")
        if not isinstance(sealed, str) or not sealed.startswith("vault:"):
            raise KeyFault(f"{self.name} answered no ciphertext")
        return sealed

    def decrypt(self, sealed: str) -> bytes:
        """The 32 bytes that ``encrypt`` was given."""
        try:
            key = base64.b64decode(
                str(self._ask("decrypt", ciphertext=sealed).get("plaintext")), validate=True
            )
        except binascii.Error:
            raise KeyFault(f"{self.name} answered no key") from None
        if len(key) != vault.KEY_BYTES:
            raise KeyFault(f"{self.name} answered a key of {len(key)} bytes")
        return key

    def _ask(self, verb: str, **document: str) -> dict[str, object]:
        body = Caller.json({**document, "associated_data": _BOUND_TO})
        headers = {"X-Vault-Token": self.token, "X-Vault-Request": "true", "Content-Type": "application/json"}
        reply = self.caller.call("POST", f"{self.mount}/{verb}/{self.key}", body, headers)
        data = reply.document.get("data")
        if reply.status != 200 or not isinstance(data, dict):
            raise self._refused(verb, reply)
        return data

    def _refused(self, verb: str, reply: Reply) -> Exception:
        """Vault's own words may quote what it was given: only the status goes on."""
        why = {
            400: "it knows no such key, or this wasn't encrypted by it",
            403: "the token may not do this; see DXFLOW_KEY_SERVICE_TOKEN",
            404: "there is no such transit key; see DXFLOW_KEY_SERVICE_URL",
        }
        if reply.status in (429, 503) or reply.status >= 500:
            return self.caller.fault(
                f"answered {reply.status}: it is sealed, or not ready", reply.retry_after
            )
        return KeyFault(
            f"{self.name} refused to {verb}: {why.get(reply.status, f'it answered {reply.status}')}"
        )


@dataclass(slots=True)
class ServiceRoots:
    """Root keys that a key service encrypts (``RootSource``). ``before`` is the file of an installation that is
    on its way to the service: its keys open what they wrapped until the root key was rotated."""

    service: KeyService
    store: Store
    clock: Clock
    before: KeyFile
    _opened: dict[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """What people call the service."""
        return self.service.name

    def load(self) -> list[bytes]:
        """Newest first; the first call of a new installation makes one."""
        rows = _sealed_rows()
        if not rows:
            with self.store.transaction():
                # Two processes may start at once: the second waits here, and then finds the first one's key.
                quick.insert(models.Installation, {"name": _ELECTED, "value": self.service.name}, ignore=True)
                if not _sealed_rows():
                    self.add()
            rows = _sealed_rows()
        return [*(self._open(str(row.sealed)) for row in rows), *self._before()]

    def add(self) -> None:
        """A new root key, encrypted by the service before it is used."""
        key = vault.new_key()
        row = {"id": root_id(key), "sealed": self.service.encrypt(key), "created_at": self.clock()}
        quick.insert(models.RootKeyRecord, row)

    def drop(self, ids: Sequence[str]) -> None:
        """What the service encrypted is deleted with its row."""
        row = models.RootKeyRecord
        row.update(sealed=None, retired_at=self.clock()).where(row.id.in_(list(ids))).execute()

    def _before(self) -> list[bytes]:
        return self.before.load() if self.before.path.exists() else []

    def _open(self, sealed: str) -> bytes:
        if sealed not in self._opened:
            self._opened[sealed] = self.service.decrypt(sealed)
        return self._opened[sealed]


def _sealed_rows() -> list[models.RootKeyRecord]:
    row = models.RootKeyRecord
    query = row.select().where(row.sealed.is_null(False), row.retired_at.is_null())
    return list(query.order_by(row.created_at.desc(), row.id))


__all__ = ["KeyService", "ServiceRoots", "VaultTransit"]
