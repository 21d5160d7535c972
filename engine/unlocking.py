"""The root keys of an installation: found where the settings say, and recognised as those of its database."""

from __future__ import annotations

import hmac

from ..config.settings import Settings
from .identity.key_service import ServiceRoots, VaultTransit
from .identity.keys import FIRST_ROOT
from .identity.roots import ID_LENGTH, Given, KeyFault, KeyFile, RootRing, RootSource, root_mark
from .moments import Clock
from .store import Store, models, quick


def source_of(settings: Settings, store: Store, clock: Clock) -> RootSource:
    """Where the settings say that root keys are kept. Raises KeyFault."""
    if settings.root_key is not None:
        return Given.parse(settings.root_key.get_secret_value())
    file = KeyFile(settings.root_key_path, make=not _has_keys())
    if settings.key_service_url is None:
        return file
    if settings.key_service_token is None:
        raise KeyFault("DXFLOW_KEY_SERVICE_TOKEN: the key service needs a token")
    service = VaultTransit.at(settings.key_service_url, settings.key_service_token.get_secret_value(), clock)
    return ServiceRoots(service, store, clock, file)


def unlock(store: Store, settings: Settings, clock: Clock) -> RootRing:
    """The ring of root keys for this database.

    Raises KeyFault when a key is missing that its own keys are wrapped under: nothing could be opened, and what
    is written would be lost to the right key.
    """
    ring = RootRing(source_of(settings, store, clock))
    with store.transaction():
        _adopt(ring, settings)
        missing = _in_use() - set(ring.ids)
        if missing:
            raise KeyFault(
                "this database was sealed under another root key; bring back its key as DXFLOW_ROOT_KEY or in "
                f"{settings.root_key_path} (missing: {', '.join(sorted(missing))})"
            )
        newest = {"id": ring.ids[0], "created_at": clock()}
        quick.insert(models.RootKeyRecord, newest, ignore=True)
    return ring


def _adopt(ring: RootRing, settings: Settings) -> None:
    """An installation of before 0.2 knew its only root key by a mark; its keys don't say what wrapped them."""
    first = quick.get(models.Installation, name=FIRST_ROOT)
    row = models.WrappedKey
    if first is None:
        return
    if not any(hmac.compare_digest(root_mark(key), str(first.value)) for key in ring.source.load()):
        if row.select().where(row.root_id == "").exists():
            raise KeyFault(
                "this database was sealed under another root key; "
                f"bring back its key as DXFLOW_ROOT_KEY or in {settings.root_key_path}"
            )
        return
    row.update(root_id=str(first.value)[:ID_LENGTH]).where(row.root_id == "").execute()


def _has_keys() -> bool:
    """Whether this database was ever sealed under something."""
    tables = (models.RootKeyRecord, models.WrappedKey)
    return any(table.select().exists() for table in tables) or (
        quick.get(models.Installation, name=FIRST_ROOT) is not None
    )


def _in_use() -> set[str]:
    """Which root keys wrap something; where nothing is wrapped yet, those that were seen before."""
    row, known = models.WrappedKey, models.RootKeyRecord
    wrapping = {str(one.root_id) for one in row.select(row.root_id).distinct()}
    if wrapping:
        return wrapping
    return {str(one.id) for one in known.select().where(known.retired_at.is_null())}
