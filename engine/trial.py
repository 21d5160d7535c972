"""A delivery of dxflow's own to one of its connectors, signed as the platform signs: does the address lead
here, does the secret in force open it, is what arrives stored?

It goes over the network to the public address first, for that is the way platforms come; only then is it known
that name, certificate and proxies are right. Where dxflow can't reach itself so (many networks forbid it), the
same request is given to the function that takes deliveries in. The topic is one that nothing handles: it is
stored as every authentic delivery is, and changes nothing.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from urllib.parse import urlencode, urlsplit

from .core import Core
from .edge import Edge
from .errors import CallerError, Conflict, DxflowError, Invalid
from .identity import did
from .inbox import Inbox
from .moments import to_text
from .outgoing import Limits
from .platforms import signing
from .platforms.base import Delivery
from .platforms.hasura import DEFAULT_HEADER
from .services import acts
from .services.connectors import connectors
from .store import models, quick

_ANYWHERE = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
"""The address is our own: whoever runs the installation chose it, no tenant did."""
_LIMITS = Limits(read_s=4.0, whole_s=5.0, bytes=64 * 1024)


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it. ``reached``: the public address took it over the network, otherwise ``fault`` says why
    not. ``event_id`` is the delivery as it was stored, empty where dxflow itself refused it (``refusal``)."""

    reached: bool
    fault: str = ""
    event_id: str = ""
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class _Sent:
    url: str
    headers: Mapping[str, str]
    body: bytes


def run(core: Core, tenant_id: str, connector_id: str, base: str, actor: str) -> Trial:
    """Deliver it. ``base`` is the installation's public address. Raises NotFound, and Conflict for a connector
    that takes nothing."""
    connector = connectors.get(tenant_id, connector_id)
    held = connectors.secrets_of(core, connector)
    if connector.disabled_at is not None:
        raise Conflict("this connector is disabled, and its address takes nothing; enable it first")
    if not held:
        raise Conflict("no secret of this connector is in force; put one in force first")
    with core.store.transaction():
        acts.record(core, tenant_id, "connector.tested", actor, connector=connector.id)
    sent = _signed(core, connector, held[0], connectors.plain_address(connector, base))
    event_id, fault = _over_the_network(core, connector, sent)
    return Trial(reached=True, event_id=event_id) if event_id else _inside(core, connector, sent, fault)


def _over_the_network(core: Core, connector: models.Connector, sent: _Sent) -> tuple[str, str]:
    """The event that it was stored as, or why that isn't known. What answers may be another server than this
    one: its word counts only if the event is there."""
    calls = replace(core.outgoing, allowed=_ANYWHERE, limits=_LIMITS)
    try:
        reply = calls.call("the public address", "POST", sent.url, sent.body, sent.headers)
    except DxflowError as error:
        return "", str(error)
    event_id = str(reply.document.get("event_id", "")) if reply.status == 200 else ""
    known = _stored(event_id, connector.tenant_id)
    if known is None or known.connector_id != connector.id:
        host = urlsplit(sent.url).netloc
        return "", f"{host} answers HTTP {reply.status}, and the delivery didn't arrive here"
    return event_id, ""


def _inside(core: Core, connector: models.Connector, sent: _Sent, fault: str) -> Trial:
    edge = Edge(core, Inbox(core), connectors.Endpoints(core))
    headers = {name.lower(): value for name, value in sent.headers.items()}
    delivery = Delivery("POST", sent.url, urlsplit(sent.url).query, headers, sent.body)
    try:
        accepted = edge.receive(connector.platform, connector.id, delivery)
    except CallerError as error:
        return Trial(reached=False, fault=fault, refusal=str(error))
    return Trial(reached=False, fault=fault, event_id=accepted.event_id)


def _signed(core: Core, connector: models.Connector, secret: str, url: str) -> _Sent:
    now, name, options = core.clock(), core.new_id(), connector.options
    body = _BODIES[connector.platform](name, now, str(options.get("list_id", "")))
    entered = str(options.get("address") or url)
    headers, address = signing.signed_request(
        connector.platform,
        signing.TEST_TOPICS[connector.platform],
        body,
        secret,
        url=entered if connector.platform == "mandrill" else url,
        now=now,
        delivery_id=name,
    )
    named = str(options.get("secret_header", "")).strip()
    if connector.platform == "hasura" and named:
        headers[named] = headers.pop(DEFAULT_HEADER)
    return _Sent(url if connector.platform == "mandrill" else address, headers, body)


def _stored(event_id: str, tenant_id: str) -> models.Event | None:
    try:
        return quick.get(models.Event, id=did.canonical(event_id), tenant_id=tenant_id)
    except Invalid:
        return None


def _json(**members: object) -> bytes:
    return json.dumps(members).encode()


def _object(name: str, now: datetime, _: str) -> bytes:
    return _json(dxflow_test=name, sent_at=to_text(now))


def _stripe(name: str, now: datetime, _: str) -> bytes:
    event = {
        "id": f"evt_dxflow_{name}",
        "object": "event",
        "type": signing.TEST_TOPICS["stripe"],
        "livemode": False,
    }
    return _json(**event, created=int(now.timestamp()), data={"object": {"object": "dxflow_test"}})


def _mailchimp(name: str, now: datetime, list_id: str) -> bytes:
    fields = {
        "type": signing.TEST_TOPICS["mailchimp"],
        "fired_at": f"{now:%Y-%m-%d %H:%M:%S}",
        "data[dxflow_test]": name,
    }
    return urlencode({**fields, "data[list_id]": list_id}).encode()


def _mandrill(name: str, now: datetime, _: str) -> bytes:
    event = {
        "event": signing.TEST_TOPICS["mandrill"].partition(".")[2],
        "ts": int(now.timestamp()),
        "_id": name,
    }
    return urlencode({"mandrill_events": json.dumps([event])}).encode()


def _hasura(name: str, now: datetime, _: str) -> bytes:
    table, _, operation = signing.TEST_TOPICS["hasura"].partition(".")
    row = {"op": operation, "data": {"old": None, "new": {"dxflow_test": name}}, "session_variables": None}
    where = {"table": {"schema": "public", "name": table}, "trigger": {"name": table}}
    return _json(id=name, created_at=to_text(now), event=row, **where)


_BODIES: Mapping[str, Callable[[str, datetime, str], bytes]] = MappingProxyType(
    {
        "shopify": _object,
        "stripe": _stripe,
        "mailchimp": _mailchimp,
        "mandrill": _mandrill,
        "woocommerce": _object,
        "hasura": _hasura,
    }
)
