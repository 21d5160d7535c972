"""What the engine's functions share, made once by the wiring and handed down as a parameter."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from .agent import DxAgent, EmbeddedAgent
from .identity.keys import KeyRing
from .identity.subjects import Subjects
from .ledger.log import TenantLog
from .ledger.signing import CheckpointKeys
from .moments import Clock, system_clock
from .retry import RetryPolicy
from .store import Store


@dataclass(frozen=True, slots=True)
class Core:
    """The store, the keys, the log, the agent; and time, ids and chance, so that tests can bring their own.

    ``dispatch_lease`` (seconds) is how long a dispatched event may stay silent before the relay asks Redis
    whether its message still exists.
    """

    store: Store
    keys: KeyRing
    log: TenantLog
    signing: CheckpointKeys
    subjects: Subjects
    agent: DxAgent
    policy: RetryPolicy
    clock: Clock
    new_id: Callable[[], str]
    spread: Callable[[], float]
    did_method: str
    dispatch_lease: float
    bell: threading.Event = field(default_factory=threading.Event)
    """Set after a commit that leaves due events behind; the relay waits on it."""


def new_uuid() -> str:
    """A random UUID (version 4) in its canonical spelling."""
    return str(uuid.uuid4())


def build(
    store: Store,
    root_key: bytes,
    *,
    host: str,
    did_method: str = "dep",
    policy: RetryPolicy | None = None,
    dispatch_lease: float = 30.0,
    clock: Clock = system_clock,
    new_id: Callable[[], str] = new_uuid,
    spread: Callable[[], float] = random.random,
) -> Core:
    """Put a Core together on an open store. ``host`` names the installation in log origins."""
    keys = KeyRing(root_key, clock)
    signing = CheckpointKeys(store, keys, clock, host)
    log = TenantLog(store, clock, signing.sign, host)
    return Core(
        store=store,
        keys=keys,
        log=log,
        signing=signing,
        subjects=Subjects(store, keys, clock, new_id, did_method),
        agent=EmbeddedAgent(store, log, clock, did_method),
        policy=policy or RetryPolicy(),
        clock=clock,
        new_id=new_id,
        spread=spread,
        did_method=did_method,
        dispatch_lease=dispatch_lease,
    )
