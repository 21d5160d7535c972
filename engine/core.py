"""What the engine's functions share, made once by the wiring and handed down as a parameter."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from .agent import DxAgent, EmbeddedAgent, HttpAgent
from .agent.key import EngineKey
from .agent.transport import Transport
from .anchoring import Anchors
from .anchoring.account import Account
from .anchoring.rpc import Node
from .identity.keys import KeyRing
from .identity.roots import RootRing
from .identity.subjects import Subjects
from .ledger.log import TenantLog
from .ledger.memory import Memory
from .ledger.signing import CheckpointKeys
from .moments import Clock, system_clock
from .outgoing import IpNetwork, Outgoing
from .post import UNSET, Post
from .retry import RetryPolicy
from .shred_list import ShredList
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
    outgoing: Outgoing
    """Calls to addresses that tenants choose."""
    post: Post = UNSET
    """How mail leaves the house."""
    memory: Memory | None = None
    """What is remembered of the logs outside the database."""
    shred_list: ShredList | None = None
    """Who was erased, outside the database too."""
    anchors: Anchors | None = None
    """Where the installation's root is anchored on a chain, if it is."""
    bell: threading.Event = field(default_factory=threading.Event)
    """Set after a commit that leaves due events behind; the relay waits on it."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The dx-agent that an engine asks over HTTP; ``token`` shows that it may enrol there."""

    url: str
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class OnChain:
    """The chain that roots are anchored on: its node's address, the account's private key in hex (None for the
    installation's own), how many blocks confirm an anchor, and seconds from one new root to the next."""

    url: str = field(repr=False)
    key: str | None = field(default=None, repr=False)
    confirmations: int = 12
    every: float = 600.0


def new_uuid() -> str:
    """A random UUID (version 4) in its canonical spelling."""
    return str(uuid.uuid4())


def build(
    store: Store,
    roots: RootRing | bytes,
    *,
    host: str,
    did_method: str = "dep",
    policy: RetryPolicy | None = None,
    dispatch_lease: float = 30.0,
    agent: Elsewhere | None = None,
    clock: Clock = system_clock,
    new_id: Callable[[], str] = new_uuid,
    spread: Callable[[], float] = random.random,
    memory: Memory | None = None,
    shred_list: ShredList | None = None,
    chain: OnChain | None = None,
    allowed_networks: tuple[IpNetwork, ...] = (),
    post: Post = UNSET,
) -> Core:
    """Put a Core together on an open store. ``host`` names the installation in log origins; without ``agent``
    the dx-agent is the embedded one. ``allowed_networks``: see ``outgoing.py``."""
    keys = KeyRing(roots, clock)
    signing = CheckpointKeys(store, keys, clock, host)
    log = TenantLog(store, clock, signing.sign, host)
    return Core(
        store=store,
        keys=keys,
        log=log,
        signing=signing,
        subjects=Subjects(store, keys, clock, new_id, did_method),
        agent=_agent(store, keys, log, clock, agent, did_method),
        policy=policy or RetryPolicy(),
        clock=clock,
        new_id=new_id,
        spread=spread,
        did_method=did_method,
        dispatch_lease=dispatch_lease,
        outgoing=Outgoing(clock, allowed_networks),
        post=post,
        memory=memory,
        shred_list=shred_list,
        anchors=on_chain(store, keys, clock, chain) if chain else None,
    )


def _agent(
    store: Store, keys: KeyRing, log: TenantLog, clock: Clock, agent: Elsewhere | None, did_method: str
) -> DxAgent:
    if agent is None:
        return EmbeddedAgent(store, log, clock, did_method)
    key = lru_cache(maxsize=1)(lambda: EngineKey.load(store, keys))
    return HttpAgent(store, log, clock, Transport.to(agent.url, key, clock), log.host, agent.token)


def on_chain(store: Store, keys: KeyRing, clock: Clock, chain: OnChain) -> Anchors:
    """The anchors of an installation on this chain; nothing is asked or made yet."""

    def account() -> Account:
        return Account.of(chain.key) if chain.key else Account.load(store, keys)

    node, remembered = Node.at(chain.url, clock), lru_cache(maxsize=1)(account)
    return Anchors(store, node, remembered, clock, chain.confirmations, chain.every)
