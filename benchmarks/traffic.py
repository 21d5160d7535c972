"""What is sent: Shopify customers of about 1.5 KB, each another person, signed and ready for the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from dxflow.engine import moments
from dxflow.engine.platforms import signing

TOPIC = "customers/create"
NOTE = "Prefers delivery to the back door after five; the dog is harmless. " * 5


@dataclass(frozen=True, slots=True)
class Target:
    """Where deliveries go: a port on this machine, and connectors as (path, secret), taken in turn."""

    port: int
    connectors: tuple[tuple[str, str], ...]


def requests(target: Target, first: int, count: int) -> list[bytes]:
    """``count`` whole HTTP requests, numbered from ``first``; no two share a person or a delivery id."""
    return list(_requests(target, first, count))


def _requests(target: Target, first: int, count: int) -> Iterator[bytes]:
    for number in range(first, first + count):
        path, secret = target.connectors[number % len(target.connectors)]
        body = json.dumps(customer(number), separators=(",", ":")).encode()
        headers, address = signing.signed_request(
            "shopify",
            TOPIC,
            body,
            secret,
            url=path,
            now=moments.system_clock(),
            delivery_id=f"00000000-0000-4000-8000-{number:012d}",
        )
        headers |= {"Host": f"127.0.0.1:{target.port}", "Content-Length": str(len(body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        yield f"POST {address} HTTP/1.1\r\n{lines}\r\n".encode() + body


def customer(number: int) -> dict[str, object]:
    """A customer as Shopify sends it since API 2025-01."""
    identifier = 7_064_055_069_300_000 + number
    address = _address(identifier, number)
    return {
        "id": identifier,
        "admin_graphql_api_id": f"gid://shopify/Customer/{identifier}",
        "created_at": "2026-03-02T09:00:00+01:00",
        "updated_at": "2026-03-02T09:00:00+01:00",
        "first_name": "Ada",
        "last_name": f"Byron {number}",
        "email": f"ada.{number}@customers.example",
        "phone": None,
        "state": "enabled",
        "note": NOTE,
        "verified_email": True,
        "multipass_identifier": None,
        "tax_exempt": False,
        "tax_exemptions": [],
        "currency": "EUR",
        "addresses": [address],
        "default_address": address,
    }


def _address(identifier: int, number: int) -> dict[str, object]:
    return {
        "id": identifier + 1,
        "customer_id": identifier,
        "first_name": "Ada",
        "last_name": f"Byron {number}",
        "company": None,
        "address1": f"Unter den Linden {number}",
        "address2": None,
        "city": "Berlin",
        "province": None,
        "country": "Germany",
        "zip": "10117",
        "phone": None,
        "country_code": "DE",
        "default": True,
    }
