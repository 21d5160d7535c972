"""Data subjects: matched or created, listed without a name, shown and found by who may know."""

from __future__ import annotations

from collections.abc import Callable



def test_x(api, drain):
    a = api.post("/api/v1/data-subjects", {"email": "ada@example.com", "name": "Ada", "external_ids": {"crm": 42}})
    print(a.status_code, a.text, a.headers)
    i = a.json()["id"]
    drain()
    for p in ["/api/v1/data-subjects", f"/api/v1/data-subjects/{i}", f"/api/v1/data-subjects/{i}/timeline", "/api/v1/audit/entries?limit=2","/api/v1/audit/checkpoint","/api/v1/queues","/healthz","/readyz","/metrics","/1.0/identifiers/"+a.json()["did"],"/api/v1/audit/proofs/inclusion?index=1&x=2","/api/v1/nope"]:
        r = api.get(p); print(p, r.status_code, r.text[:1500], "\n")
    print(api.post("/api/v1/data-subjects/lookup", {"external_id": "42"}).text)
    print(api.post("/api/v1/data-subjects/lookup", {"external_id": {"crm":"42"},"bob":1}).text)
    assert 0
