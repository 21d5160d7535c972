"""Which root keys a backup needs, and where they are: in the settings' place, or in the backup's keys part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...config.settings import Settings
from ..identity.key_service import VaultTransit
from ..identity.roots import Given, KeyFault, KeyFile, RootRing, root_id
from ..moments import Clock
from .keys_part import KeysPart
from .manifest import Manifest


@dataclass(frozen=True, slots=True)
class Unlocked:
    """Every root key that is known; and those that the key file lacks, newest first."""

    ring: RootRing
    lacking: tuple[bytes, ...] = field(repr=False)


def unlock(
    settings: Settings, manifest: Manifest, parts: Sequence[KeysPart], data: Path, clock: Clock
) -> Unlocked:
    """The root keys that open this backup. Raises KeyFault, which names one that is missing."""
    here = {root_id(key): key for key in _here(settings, manifest, clock)}
    offered = {name: key for part in parts for name, key in part.root_keys.items()}
    _require(settings, manifest, {**offered, **here} if _has_file(settings) else here, parts, data)
    needed = [key for name, key in offered.items() if name not in here and name in manifest.roots]
    every = {**here, **offered}
    # Where there is no key yet, all come back: the newest goes on wrapping what is new.
    lacking = needed if here else list(offered.values())
    return Unlocked(RootRing.of(*every.values()), tuple(lacking) if _has_file(settings) else ())


def keep(settings: Settings, unlocked: Unlocked) -> bool:
    """Write the keys that the settings' file lacks, behind its own; whether there were any. Raises KeyFault."""
    if unlocked.lacking:
        file = KeyFile(settings.root_key_path, make=False)
        file.write([*(file.load() if file.path.exists() else []), *unlocked.lacking])
    return bool(unlocked.lacking)


def _require(
    settings: Settings, manifest: Manifest, have: Mapping[str, bytes], parts: Sequence[KeysPart], data: Path
) -> None:
    missing = sorted({*manifest.roots, manifest.sealed_under} - set(have))
    if missing:
        offered = [str(part.path) for part in parts if not set(missing).isdisjoint(part.root_keys)]
        hint = f"put it there from {offered[0]}" if offered else "give its keys part with --keys"
        raise KeyFault(
            f"{data} was sealed under root key {', '.join(missing)}, which isn't in {_place(settings)}"
            + (" nor in the keys part that was given" if parts and not offered else f"; {hint}")
        )


def _has_file(settings: Settings) -> bool:
    """Whether keys may be added to a file: an installation on its way to a key service has one too."""
    return settings.root_key is None


def _place(settings: Settings) -> str:
    if settings.root_key is not None:
        return "DXFLOW_ROOT_KEY"
    return "the key service" if settings.key_service_url else str(settings.root_key_path)


def _here(settings: Settings, manifest: Manifest, clock: Clock) -> list[bytes]:
    if settings.root_key is not None:
        return Given.parse(settings.root_key.get_secret_value()).load()
    file = KeyFile(settings.root_key_path, make=False)
    found = file.load() if file.path.exists() else []
    if settings.key_service_url is None:
        return found
    if settings.key_service_token is None:
        raise KeyFault("DXFLOW_KEY_SERVICE_TOKEN: the key service needs a token")
    service = VaultTransit.at(settings.key_service_url, settings.key_service_token.get_secret_value(), clock)
    return [*(service.decrypt(sealed) for sealed in manifest.sealed), *found]
