"""Settings become a Core: the data directory, the root key, the store. One per process and installation.

The edge and the actors of one process must share it: on SQLite their writers queue for one lock.
"""

from __future__ import annotations

import os
import threading
from urllib.parse import urlsplit

from ..config.datadir import DataDir
from ..config.errors import DataDirError, SettingsError
from ..config.settings import Settings
from . import core, greenlets, unlocking
from .core import Core, Elsewhere, OnChain
from .errors import Unavailable
from .identity import did
from .identity.keys import FIRST_ROOT
from .ledger.memory import Memory
from .mail.smtp import Smtp
from .moments import system_clock
from .post import Post
from .retry import RetryPolicy
from .shred_list import ShredList
from .store import Store, models, quick, scope

_cores: dict[tuple[int, str, str], Core] = {}
_guard = threading.Lock()

ENGINE, AGENT = "an engine", "a dx-agent"
"""Whose database it is, as it is kept there and told."""

HALF_RESTORED = "restore-unfinished"
"""A file in the data directory while a restored database takes the place of another."""


def core_for(settings: Settings, *, migrate: bool = True) -> Core:
    """This process's Core for these settings, opened and (unless told otherwise) migrated on first use.

    Raises KeyFault for an unusable root key, Unavailable for a database that doesn't answer or, without
    ``migrate``, isn't up to date, SettingsError for a dx-agent's database.
    """
    return _core_for(settings, ENGINE, migrate)


def agent_core_for(settings: Settings) -> Core:
    """The same for the dx-agent of these settings, with a database of its own (``Settings.for_agent``)."""
    return _core_for(settings.for_agent(), AGENT, migrate=True)


def _core_for(settings: Settings, role: str, migrate: bool) -> Core:
    name = (os.getpid(), settings.database, str(settings.data_dir))
    with _guard:
        if name not in _cores:
            _cores[name] = _open(settings, role, migrate)
        return _cores[name]


def forget() -> None:
    """Drop what ``core_for`` remembers, so that a test can begin afresh."""
    with _guard:
        _cores.clear()


def _open(settings: Settings, role: str, migrate: bool) -> Core:
    greenlets.cooperate()
    DataDir(settings.data_dir).prepare()
    refuse_half_restored(settings)
    return assemble(Store(settings.database), settings, role, migrate=migrate)


def refuse_half_restored(settings: Settings) -> None:
    """Raises DataDirError where a restore began to put a database in place and didn't end."""
    if (settings.data_dir / HALF_RESTORED).exists():
        raise DataDirError(
            f"DXFLOW_DATA_DIR: a restore in {settings.data_dir} was interrupted; run `dxflow restore` again, "
            "as it was called"
        )


@scope.everyone("an installation opens its own log, before there is anybody")
def assemble(store: Store, settings: Settings, role: str, *, migrate: bool = True) -> Core:
    """A Core on this store, whose keys and files are those of the settings; raises what ``core_for`` does."""
    if migrate:
        store.migrate()
    elif not store.up_to_date():
        raise Unavailable("the database isn't migrated; run `dxflow migrate`")
    _keep_role(store, role)
    roots = unlocking.unlock(store, settings, system_clock)
    _keep_method(store, settings.did_method)
    made = core.build(
        store,
        roots,
        host=urlsplit(settings.base_url).netloc.replace("+", "-") or "dxflow",
        did_method=settings.did_method,
        policy=RetryPolicy(
            settings.retry_max_attempts,
            settings.retry_min_backoff_ms / 1000,
            settings.retry_max_backoff_ms / 1000,
        ),
        dispatch_lease=settings.dispatch_lease_ms / 1000,
        agent=_elsewhere(settings) if role == ENGINE else None,
        memory=Memory(settings.data_dir / ("log-memory" if role == ENGINE else "agent-log-memory")),
        shred_list=ShredList(settings.data_dir / "shred-list"),
        chain=_chain(settings),
        allowed_networks=settings.allowed_networks,
        post=_post(settings),
    )
    with store.transaction():
        made.signing.active()
        made.log.open_installation()
    return made


def _elsewhere(settings: Settings) -> Elsewhere | None:
    token = settings.agent_token.get_secret_value().strip() if settings.agent_token else None
    return Elsewhere(settings.agent_url, token) if settings.agent_url else None


def _post(settings: Settings) -> Post:
    transport = Smtp.at(settings.smtp_url, settings.sender) if settings.smtp_url else None
    return Post(transport, settings.sender, settings.base_url)


def _chain(settings: Settings) -> OnChain | None:
    if settings.chain_url is None:
        return None
    key = settings.chain_key.get_secret_value() if settings.chain_key else None
    return OnChain(settings.chain_url, key, settings.chain_confirmations, settings.chain_interval_s)


def _keep_role(store: Store, role: str) -> None:
    """Remember whose database this is. Raises SettingsError for the other's: logs and keys must not mix."""
    with store.transaction():
        # Databases that are older than this mark were all engines'.
        first = ENGINE if quick.get(models.Installation, name=FIRST_ROOT) else role
        quick.insert(models.Installation, {"name": "role", "value": first}, ignore=True)
        kept = str(models.Installation.get(name="role").value)
    if kept != role:
        raise SettingsError(
            f"DXFLOW_DATABASE_URL: this database belongs to {kept}, and can't be used as {role} too; name "
            "another one, or leave it unset for a file of its own"
        )


def _keep_method(store: Store, method: str) -> None:
    """Remember the method of this installation's DIDs. Raises SettingsError for another one: DIDs are derived
    anew from ids and method, and none would be what it was in logs, queues and documents that are out."""
    with store.transaction():
        issued = models.Did.select(models.Did.did).order_by(models.Did.created_at).first()
        first = method if issued is None else did.parse(issued.did, method)[0]  # older ones have no mark yet
        quick.insert(models.Installation, {"name": "did_method", "value": first}, ignore=True)
        kept = models.Installation.get(name="did_method").value
    if kept != method:
        raise SettingsError(
            f"DXFLOW_DID_METHOD: {method!r}; the DIDs of this installation begin with did:{kept}: and can't be "
            f"changed any more, so only {kept!r} is allowed"
        )
