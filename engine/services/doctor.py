"""Is this installation well? Each check stands alone and says what it found, also where others are broken.

Nothing is made or changed: what only the first start makes is reported as such.
"""

from __future__ import annotations

import errno
import http.client
import os
import platform
import socket
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, unquote

import peewee
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ...config.errors import SettingsError, StartError
from ...config.settings import Settings
from ..errors import DxflowError, LogBroken, Unavailable
from ..identity.roots import Given, KeyFile
from ..ledger import epochs, note
from ..ledger.memory import Memory
from ..mail.smtp import Smtp
from ..moments import Clock, system_clock
from ..store import Store, models
from . import isolation
from .audit import agent_trust, chain_state

OLDEST_PYTHON = (3, 11)
_EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)  # a clock before this was never set
_SKEW = timedelta(minutes=2)
_TIMEOUT_S = 3.0
_MINUTE = "%Y-%m-%d %H:%M"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. ``detail`` says what was found, and what to do where it isn't well."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Examination:
    """All checks, in the order in which their faults follow from each other."""

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)

    def lines(self) -> list[dict[str, object]]:
        """``{"name", "ok", "detail"}`` each."""
        return [asdict(check) for check in self.checks]

    def as_json(self) -> dict[str, object]:
        """``{"ok", "checks"}``"""
        return {"ok": self.ok, "checks": self.lines()}


def examine(load: Callable[[], Settings], now: Clock = system_clock) -> Examination:
    """Check everything; without settings that can be read, only what needs none."""
    return Examination(tuple(_checks(load, now())))


def _checks(load: Callable[[], Settings], now: datetime) -> Iterator[Check]:
    yield _check("python", _python)
    try:
        settings = load()
    except SettingsError as error:
        yield Check("settings", False, str(error))
        return
    yield Check("settings", True, "all readable")
    checks: tuple[tuple[str, Callable[[], str]], ...] = (
        ("data directory", lambda: _data_dir(settings.data_dir)),
        ("root key", lambda: _root_key(settings)),
        ("database", lambda: _database(settings)),
        ("clock", lambda: _clock(settings, now)),
        ("audit log", lambda: _audit_log(settings)),
        ("redis", lambda: _redis(settings)),
        ("dx-agent", lambda: _agent(settings)),
        ("mail", lambda: _mail(settings)),
        ("port", lambda: _port(settings)),
    )
    for name, look in checks:
        yield _check(name, look)
    if settings.database.startswith("postgres"):
        yield _check("row-level security", lambda: _isolation(settings))
    if settings.chain_url is not None:
        yield _check("chain", lambda: _chain(settings, now))


def _check(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except (DxflowError, StartError, OSError, peewee.PeeweeException, redis.RedisError) as error:
        return Check(name, False, " ".join(str(error).split()) or type(error).__name__)


def _python() -> str:
    if sys.version_info < OLDEST_PYTHON:
        raise Unavailable(f"Python {platform.python_version()} is too old; 3.11 or newer is needed")
    return f"{platform.python_implementation()} {platform.python_version()}"


def _data_dir(path: Path) -> str:
    nearest = next(place for place in (path, *path.parents) if place.exists())
    if not (nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)):
        raise Unavailable(f"{nearest} can't be written")
    return f"{path} can be written" if nearest == path else f"{path} is made on the first start"


def _root_key(settings: Settings) -> str:
    if settings.root_key is not None:
        Given.parse(settings.root_key.get_secret_value())
        return "comes from DXFLOW_ROOT_KEY"
    path = settings.root_key_path
    if path.exists():
        KeyFile(path).load()
        return f"{path}, mode {stat.S_IMODE(path.stat().st_mode):04o}"
    if _exists(settings):
        raise Unavailable(f"{path} is missing: without it nothing in the database can be read; restore it")
    return f"{path} is made on the first start"


def _database(settings: Settings) -> str:
    if not _exists(settings):
        return "is made on the first start"
    with _open(settings) as store:
        if not store.up_to_date():
            raise Unavailable("isn't up to date; run `dxflow migrate`")
        return f"{store.dialect} answers, at migration {store.version()}"


def _isolation(settings: Settings) -> str:
    """No failure: queries carry their tenant by themselves, and this only stands behind them."""
    with _open(settings) as store:
        return isolation.said(store)


def _clock(settings: Settings, now: datetime) -> str:
    """A clock that runs behind what is stored already would date new records before old ones."""
    if now < _EARLIEST:
        raise Unavailable(f"says {now:{_MINUTE}} UTC, which is past; set it")
    if _exists(settings):
        with _open(settings) as store:
            newest = _newest(store)
            if newest is not None and newest > now + _SKEW:
                raise Unavailable(
                    f"says {now:{_MINUTE}} UTC, but there are records of {newest:%Y-%m-%d %H:%M}"
                )
    return f"{now:{_MINUTE}} UTC"


def _newest(store: Store) -> datetime | None:
    if not store.up_to_date():
        return None
    row = models.Event.select(models.Event.received_at).order_by(models.Event.seq.desc()).first()
    return None if row is None else row.received_at


def _audit_log(settings: Settings) -> str:
    """Quick: each head against its signed checkpoint. ``audit verify`` reads every entry."""
    if not _exists(settings):
        return "there is none yet"
    with _open(settings) as store:
        if not store.up_to_date():
            raise Unavailable("can't be read before the database is migrated")
        keys = [note.Verifier.from_vkey(row.vkey) for row in models.LogKey.select()]
        memory = Memory(settings.data_dir / "log-memory")
        heads = list(models.AuditHead.select())
        for head in heads:
            verifiers = [key.named(name) for key in keys for name in (head.origin, key.name)]
            found = note.open_checkpoint(head.checkpoint, verifiers)
            if (found.origin, found.size, found.root.hex()) != (head.origin, head.size, head.root):
                raise LogBroken(f"{head.origin}: the signed checkpoint speaks of another tree")
            seen = memory.recall(head.tenant_id)
            if seen is not None and epochs.rank(seen) > epochs.rank(head.checkpoint):
                raise LogBroken(
                    f"{head.origin}: rolled back, more was signed; `audit verify` says what is gone"
                )
    return f"{len(heads)} signed heads hold, {sum(head.size for head in heads)} entries"


def _redis(settings: Settings) -> str:
    if settings.redis_url is not None:
        _ping(settings.redis_url)
        return "answers"
    path = settings.data_dir / "valkey" / "valkey.sock"
    try:
        _ping(f"unix://{quote(str(path))}")
    except Unavailable:  # also when a killed server left its socket behind
        return "the embedded Valkey isn't running; it starts with `serve`"
    return "the embedded Valkey answers"


def _agent(settings: Settings) -> str:
    if not _exists(settings):
        return agent_trust.check(settings, None)
    with _open(settings) as store:
        return agent_trust.check(settings, store)


def _mail(settings: Settings) -> str:
    """No failure where nobody set a server: what people are to be told is read at the desk then."""
    if settings.smtp_url is None:
        return "none is sent: DXFLOW_SMTP_URL isn't set"
    replace(Smtp.at(settings.smtp_url, settings.sender), answer_s=_TIMEOUT_S).reach()
    return f"the mail server lets dxflow in, as {settings.sender}"


def _chain(settings: Settings, now: datetime) -> str:
    if not _exists(settings):
        return chain_state.check(settings, None, now)
    with _open(settings) as store:
        return chain_state.check(settings, store, now)


def _ping(url: str) -> None:
    client = redis.Redis.from_url(
        url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S, retry=Retry(NoBackoff(), 0)
    )
    try:
        client.ping()
    except redis.RedisError as error:
        raise Unavailable(f"doesn't answer ({type(error).__name__})") from error
    finally:
        client.close()


def _port(settings: Settings) -> str:
    """Free, or taken by a dxflow that answers."""
    family, kind, _, _, address = socket.getaddrinfo(
        settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and _is_dxflow(settings.host, settings.port):
                return f"{settings.listen_address} is served by dxflow"
            raise Unavailable(f"can't listen on {settings.listen_address}: {error.strerror}") from None
    return f"{settings.listen_address} is free"


def _is_dxflow(host: str, port: int) -> bool:
    """Asked for what isn't there, only dxflow answers with a problem of its own type."""
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", "/doctor-was-here")
        return b"urn:dxflow:problem:" in connection.getresponse().read(4096)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _exists(settings: Settings) -> bool:
    """Whether there is a database to ask; opening a SQLite file that isn't there would make it."""
    scheme, _, rest = settings.database.partition(":///")
    return scheme != "sqlite" or Path(unquote(rest)).exists()


@contextmanager
def _open(settings: Settings) -> Iterator[Store]:
    with Store(settings.database) as store, store.reachable():
        yield store
