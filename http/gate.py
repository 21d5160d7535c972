"""Who may come through which route: the one place of the edge where callers are made known and let in.

The rule: every method of every route has a ``Rule``, or the application isn't made; and a request whose rule
isn't found is refused. A rule names the door, which says how callers show who they are, and the permission that
their role or key must include. What follows the gate finds the caller in ``req.context.caller`` and the tenant
nowhere else; and it runs in the scope of that tenant, which every query carries, or in nobody's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

import falcon
import structlog

from ..engine.access.roles import Permission
from ..engine.core import Core
from ..engine.errors import Forbidden, NotAuthentic
from ..engine.services.people import credentials
from ..engine.services.people.credentials import Caller
from ..engine.store import scope

HEAD_FOLLOWS = {"HEAD": "GET"}


class Door(StrEnum):
    """How a caller shows who they are."""

    OPEN = "open"
    """Not at all: what lies behind names nobody, or asks for something of its own."""
    SIGNATURE = "signature"
    """By the platform's signature over the body, which the adapter verifies."""
    KEY = "key"
    """By ``Authorization: Bearer KEY``."""
    SESSION = "session"
    """By the cookie of somebody who signed in."""
    AUDITOR = "auditor"
    """By the cookie of somebody who came by an auditor's link."""


@dataclass(frozen=True, slots=True)
class Rule:
    """``permission`` is for the doors that know callers; ``why`` says why there is none."""

    door: Door
    permission: Permission | None
    why: str = ""

    def __post_init__(self) -> None:
        known = self.door in (Door.KEY, Door.SESSION, Door.AUDITOR)
        if known != (self.permission is not None) or known == bool(self.why):
            raise ValueError(f"{self.door}: a permission for callers who are known, a reason for all others")


def open_to_all(why: str) -> Rule:
    """Anybody."""
    return Rule(Door.OPEN, None, why)


def with_key(permission: Permission) -> Rule:
    """Whoever has an API key that includes this permission."""
    return Rule(Door.KEY, permission)


def signed_in(permission: Permission) -> Rule:
    """Whoever signed in and has a role that includes this permission."""
    return Rule(Door.SESSION, permission)


def by_link(permission: Permission) -> Rule:
    """Whoever came by an auditor's link, which includes looking alone."""
    return Rule(Door.AUDITOR, permission)


SIGNED = Rule(Door.SIGNATURE, None, "the adapter verifies the platform's signature")


class Somebody(Protocol):
    """Whoever came in: with a key, by a session or by a link."""

    @property
    def tenant_id(self) -> str:
        """The only data controller whose rows this request can reach."""

    @property
    def actor(self) -> str:
        """How audit leaves name them."""

    def require(self, permission: Permission) -> None:
        """Raises Forbidden unless they have the permission."""


Known = Callable[[falcon.Request], Somebody]
"""Who is at the door. Raises NotAuthentic."""


class Route(NamedTuple):
    """One method of one path, with its rule."""

    method: str
    path: str
    rule: Rule


class Gate:
    """The routes of an application and, as Falcon's middleware, their guard."""

    def __init__(self, doors: Mapping[Door, Known]) -> None:
        self._doors = doors
        self._rules: dict[tuple[str, str], Rule] = {}

    def add(
        self, app: falcon.App[Any, Any], path: str, resource: object, rules: Mapping[str, Rule] | Rule
    ) -> None:
        """Add a route. One rule goes for all methods of the resource; HEAD follows GET.

        Raises ValueError unless every method has a rule and every rule a method.
        """
        methods = {method for method in falcon.HTTP_METHODS if hasattr(resource, f"on_{method.lower()}")}
        methods -= set(HEAD_FOLLOWS)
        named = dict.fromkeys(methods, rules) if isinstance(rules, Rule) else dict(rules)
        if not methods or set(named) != methods:
            odd = ", ".join(sorted(methods ^ set(named))) or "none at all"
            raise ValueError(f"{path}: a rule for each method and no other; these don't fit: {odd}")
        self._rules.update({(path, method): rule for method, rule in named.items()})
        app.add_route(path, resource)

    def routes(self) -> Iterator[Route]:
        """Every method of every route."""
        for (path, method), rule in self._rules.items():
            yield Route(method, path, rule)

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Nobody, until a door says who it is, whatever this thread served before."""
        del resp
        req.context.caller, req.context.before = None, scope.begin()

    def process_resource(
        self, req: falcon.Request, resp: falcon.Response, resource: object, params: Mapping[str, object]
    ) -> None:
        """Let the caller in. Raises NotAuthentic, Forbidden."""
        del resp, params
        method = HEAD_FOLLOWS.get(req.method, req.method)
        rule = self._rules.get((str(req.uri_template), method))
        if rule is None:
            if hasattr(resource, f"on_{req.method.lower()}"):
                raise Forbidden("this address has no rule that lets anybody in")
            return  # Falcon answers 405, or what it allows
        if rule.permission is not None:
            caller = self._doors[rule.door](req)
            caller.require(rule.permission)
            req.context.caller = caller
            scope.enter(caller.tenant_id)
            structlog.contextvars.bind_contextvars(tenant=caller.tenant_id)

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, resource: object, req_succeeded: bool
    ) -> None:
        """The scope ends with the request; error handlers have run by now."""
        del resp, resource, req_succeeded
        before = getattr(req.context, "before", None)  # unless a middleware before this one refused
        if before is not None:
            scope.leave(before)


def key_door(core: Core) -> Known:
    """The door for API keys."""

    def known(req: falcon.Request) -> Caller:
        scheme, _, secret = (req.auth or "").strip().partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise NotAuthentic("an API key is needed: Authorization: Bearer KEY")
        with core.store.reachable():
            return credentials.authenticate(core, secret.strip())

    return known
