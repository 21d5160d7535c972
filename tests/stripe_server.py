"""Stripe's customers and privacy redaction jobs (public preview): form-encoded, 10 objects a job at most,
``validating`` → ``ready`` → (run) → ``redacting`` → ``succeeded``, or ``failed``: something can't be redacted.

https://docs.stripe.com/api/privacy/redaction-job/object
https://docs.stripe.com/privacy/redaction
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from recipients_servers import Called, Playing, Response, document

KEY = "sk_test_0123456789"
NINETY_DAYS = 90 * 86_400


@dataclass
class Stripe(Playing):
    """``customers`` by id, ``charges`` (customer, created, in seconds), ``jobs`` by id. A job moves on
    each time it is looked at. ``now`` is what the 90 days are counted to."""

    customers: dict[str, dict[str, Any]] = field(default_factory=dict)
    charges: list[tuple[str, int]] = field(default_factory=list)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    redacted: set[str] = field(default_factory=set)
    now: int = 0
    previews: bool = True
    """Whether the account has redaction jobs at all."""
    _once: dict[str, Response] = field(default_factory=dict)

    def answer(self, call: Called) -> Response:
        if (call.bearer or call.basic[0]) != KEY:
            return _error(401, "invalid_request_error", None)
        key = call.headers.get("idempotency-key")
        if call.method == "POST" and key in self._once:
            return self._once[key]
        found = self._answer(call)
        if call.method == "POST" and key and found[0] < 500:
            self._once[key] = found
        return found

    def _answer(self, call: Called) -> Response:
        _, version, kind, *rest = call.path.split("/")
        if version != "v1":
            return _error(404, "invalid_request_error", None)
        if kind == "privacy" and self.previews:
            return self._job(call, rest[1:])
        if kind == "customers":
            return self._customer(call, rest[0] if rest else "")
        if kind == "charges":
            return self._charges(dict(call.query))
        return _error(404, "invalid_request_error", None)

    def _customer(self, call: Called, customer: str) -> Response:
        if not customer:
            return document(200, {"object": "list", "data": [], "has_more": False})
        if customer not in self.customers:
            return _error(404, "invalid_request_error", "resource_missing")
        if call.method == "DELETE":
            del self.customers[customer]
            return document(200, {"id": customer, "object": "customer", "deleted": True})
        if call.method == "POST":
            self.customers[customer].update(dict(call.form))
        return document(200, {"id": customer, "object": "customer", **self.customers[customer]})

    def _charges(self, query: dict[str, str]) -> Response:
        mine = sorted((at for who, at in self.charges if who == query["customer"]), reverse=True)
        data = [{"id": f"ch_{at}", "object": "charge", "created": at} for at in mine]
        return document(200, {"object": "list", "data": data[: int(query.get("limit", 10))]})

    def _job(self, call: Called, rest: list[str]) -> Response:
        if not rest:
            return self._create(call)
        job = self.jobs.get(rest[0])
        if job is None:
            return _error(404, "invalid_request_error", "resource_missing")
        if rest[1:] == ["validation_errors"]:
            return document(200, {"object": "list", "data": self._faults(job), "has_more": False})
        if rest[1:] == ["run"]:
            if job["status"] != "ready":
                return _error(400, "invalid_request_error", "status_transition_invalid")
            job["status"] = "redacting"
        elif rest[1:] == ["validate"]:
            job["status"] = "validating"
        else:
            self._move_on(job)
        return document(200, _shown(job))

    def _create(self, call: Called) -> Response:
        ids = [value for name, value in call.form if name.startswith("objects[")]
        if not ids or len(ids) > 10:
            return _error(400, "invalid_request_error", "too_many_objects")
        unknown = [one for one in ids if one not in self.customers and one not in self.redacted]
        if unknown:
            return _error(404, "invalid_request_error", "resource_missing")
        job = {"id": f"prj_{len(self.jobs) + 1}", "status": "validating", "ids": ids}
        self.jobs[job["id"]] = job
        return document(200, _shown(job))

    def _move_on(self, job: dict[str, Any]) -> None:
        if job["status"] == "validating":
            job["status"] = "failed" if self._faults(job) else "ready"
        elif job["status"] == "redacting":
            job["status"] = "succeeded"
            for one in job["ids"]:
                self.redacted.add(one)
                self.customers.pop(one, None)

    def _faults(self, job: dict[str, Any]) -> list[dict[str, Any]]:
        young = [(who, at) for who, at in self.charges if who in job["ids"] and at > self.now - NINETY_DAYS]
        return [
            {
                "id": f"prjve_{at}",
                "object": "privacy.redaction_job_validation_error",
                "code": "invalid_state",
                "erroring_object": {"id": f"ch_{at}", "object_type": "charge"},
                "message": "the charge is younger than 90 days",
            }
            for _, at in young
        ]


def _shown(job: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": job["id"],
        "object": "privacy.redaction_job",
        "status": job["status"],
        "validation_behavior": "fix",
        "objects": {"customers": job["ids"]},
    }


def _error(status: int, kind: str, code: str | None) -> Response:
    return document(status, {"error": {"type": kind, "message": "no", **({"code": code} if code else {})}})
