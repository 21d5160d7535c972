"""Stripe: redaction jobs (public preview), and customers.

A job takes ten ids at most, looks at everything that belongs to them (``validating``), waits to be run
(``ready``), and redacts. It fails while a transaction is younger than 90 days, or in dispute: the rest waits.
Where the account has no redaction jobs the customer is deleted; what was paid stays.
https://docs.stripe.com/api/privacy/redaction-job
https://docs.stripe.com/privacy/deletion-requests
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from ..calling import Reply
from ..errors import PermanentError, TransientError
from .base import Api, Later, Receipt, Recipient, Target, tally, whole

MOST_IDS = 10
TRANSACTIONS_AFTER = timedelta(days=90)
SOON = timedelta(minutes=5)
"""How long a job is left alone."""

_KEY = "secret_key"
_JOBS = "/v1/privacy/redaction_jobs"
_MISSING = "resource_missing"
_YOUNG = "the customer, and transactions of the last 90 days"
_YOUNG_WHY = "Stripe redacts transactions only after 90 days (fraud), and customers with them"
_PAID = "payments, invoices and receipts, with what was typed in there"
_PAID_WHY = "this Stripe account has no redaction jobs; Stripe keeps payments for its own duties"
_OPEN = "the customer and their transactions"
_LAW = "Stripe keeps what the law on payments demands"


def check(api: Api) -> None:
    """Whether Stripe takes the key. Raises PermanentError, TransientError."""
    reply = _get(api, "/v1/customers?limit=1")
    if reply.status != 200:
        raise api.unexpected(reply, _code(reply))
    api.json(reply)


def erase(api: Api, target: Target) -> Receipt | Later:
    """Redact the customers, ten a job; ``Later`` while jobs are under way, and while Stripe can't."""
    known = [str(one) for one in api.before.get("references", ())]
    if known:
        return _follow(api, target, known)
    present = _there(api, target.ids)
    if not present:
        return whole(api, ["gone"] * len(target.ids))
    jobs = []
    for number, first in enumerate(range(0, len(present), MOST_IDS)):
        job = _create(api, present[first : first + MOST_IDS], number)
        if job is None:
            return _delete(api, target.ids)
        jobs.append(job)
    return _under_way(api, jobs)


def rectify(api: Api, target: Target) -> Receipt:
    """Give each customer the new address, number or name."""
    form = {name: target.changes[name] for name in ("email", "phone", "name") if name in target.changes}
    statuses = []
    for one in target.ids:
        reply = _post(api, f"/v1/customers/{quote(one, safe='')}", list(form.items()), "rectify:" + one)
        statuses.append(_done_or_gone(api, reply))
    return whole(api, statuses)


def _there(api: Api, ids: Sequence[str]) -> list[str]:
    """The customers that Stripe has (also as deleted ones): a job names only what is there."""
    paths = {one: f"/v1/customers/{quote(one, safe='')}" for one in ids}
    return [one for one, path in paths.items() if _done_or_gone(api, _get(api, path)) == "done"]


def _create(api: Api, ids: Sequence[str], number: int) -> Mapping[str, Any] | None:
    """A new job; None where the account has none. Asked again, Stripe answers with the same job."""
    form = [("objects[customers][]", one) for one in ids] + [("validation_behavior", "fix")]
    reply = _post(api, _JOBS, form, f"erase:{api.before.get('again', 0)}:{number}")
    if reply.status == 404 and "error" in api.json(reply) and _code(reply) is None:
        return None  # no such address here: the preview is closed
    return _good(api, reply)


def _follow(api: Api, target: Target, known: Sequence[str]) -> Receipt | Later:
    """Look after the jobs of the last time. One that failed is validated again: what stood in its way may have
    grown old enough."""
    jobs = [_good(api, _get(api, f"{_JOBS}/{quote(one, safe='')}")) for one in known]
    moved = [_move_on(api, job) for job in jobs]
    if all(job.get("status") == "succeeded" for job in moved):
        return _redacted(api, target, known)
    failed = [str(job["id"]) for job in moved if job.get("status") == "failed"]
    if failed:
        return _not_yet(api, target, known, failed)
    if any(job.get("status") in ("canceled", "canceling") for job in moved):
        raise PermanentError("stripe: a redaction job was cancelled by somebody; retry to make another")
    return _under_way(api, moved)


def _move_on(api: Api, job: Mapping[str, Any]) -> Mapping[str, Any]:
    status, path = job.get("status"), f"{_JOBS}/{quote(str(job.get('id')), safe='')}"
    if status == "ready":
        return _good(api, _post(api, f"{path}/run", [], ""))
    if status == "failed" and api.before.get("until"):
        _good(api, _post(api, f"{path}/validate", [], ""))
        return _good(api, _get(api, path))
    return job


def _under_way(api: Api, jobs: Sequence[Mapping[str, Any]]) -> Later:
    references = tuple(str(job.get("id")) for job in jobs)
    counts = tally([str(job.get("status")) for job in jobs])
    told = {"references": references, "counts": counts, "remains": _OPEN, "why": "Stripe is redacting them"}
    return Later(api.receipt("asked", **told), api.clock() + SOON)


def _not_yet(api: Api, target: Target, known: Sequence[str], failed: Sequence[str]) -> Later:
    """Something can't be redacted now. Young transactions grow old; anything else takes a person, who sees its
    code here. Raises PermanentError then."""
    faults = [fault for job in failed for fault in _faults(api, job)]
    codes = {str(one.get("code")) for one in faults}
    newest = max((at for one in target.ids if (at := _newest_charge(api, one))), default=None)
    until = newest + TRANSACTIONS_AFTER if newest else None
    if until is None or until <= api.clock():
        told = ", ".join(sorted(codes & _CODES)) or "unknown"
        raise PermanentError(f"stripe can't redact this customer ({told}); resolve it at Stripe, then retry")
    kept = {"remains": _YOUNG, "why": _YOUNG_WHY, "until": until}
    return Later(api.receipt("asked", references=tuple(known), **kept), until)


_CODES = frozenset(
    {
        "invalid_cascading_source",
        "invalid_file_purpose",
        "invalid_state",
        "locked_by_other_job",
        "too_many_objects",
    }
)


def _faults(api: Api, job: str) -> list[Mapping[str, Any]]:
    found = _good(api, _get(api, f"{_JOBS}/{quote(job, safe='')}/validation_errors")).get("data")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _newest_charge(api: Api, customer: str) -> datetime | None:
    found = _good(api, _get(api, "/v1/charges?" + urlencode({"customer": customer, "limit": 1}))).get("data")
    newest = found[0].get("created") if isinstance(found, list) and found else None
    return datetime.fromtimestamp(newest, UTC) if isinstance(newest, int) else None


def _redacted(api: Api, target: Target, jobs: Sequence[str]) -> Receipt:
    counts = {"customers": len(target.ids)}
    kept = {"remains": "amounts and times of payments, without the person", "why": _LAW}
    return api.receipt("done", references=tuple(jobs), counts=counts, **kept)


def _delete(api: Api, ids: Sequence[str]) -> Receipt:
    statuses = []
    for one in ids:
        path = f"/v1/customers/{quote(one, safe='')}"
        statuses.append(_done_or_gone(api, api.ask("DELETE", path, _headers(api), credential=_KEY)))
    kept = {"remains": _PAID, "why": _PAID_WHY} if "done" in statuses else {}
    return whole(api, statuses, **kept)


def _done_or_gone(api: Api, reply: Reply) -> str:
    if reply.status == 404 and _code(reply) == _MISSING:
        return "gone"
    _good(api, reply)
    return "done"


def _good(api: Api, reply: Reply) -> dict[str, Any]:
    if reply.status == 409:  # an idempotency key in use, or a lock: https://docs.stripe.com/error-low-level
        raise TransientError("stripe's API answers HTTP 409", reply.retry_after)
    if reply.status != 200:
        raise api.unexpected(reply, _code(reply))
    return api.json(reply)


def _code(reply: Reply) -> str | None:
    error = reply.document.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, str) else None


def _get(api: Api, path: str) -> Reply:
    return api.ask("GET", path, _headers(api), credential=_KEY)


def _post(api: Api, path: str, form: Sequence[tuple[str, str]], purpose: str) -> Reply:
    headers = {**_headers(api), "Content-Type": "application/x-www-form-urlencoded"}
    if purpose and api.reference:  # https://docs.stripe.com/api/idempotent_requests
        headers["Idempotency-Key"] = f"dxflow:{api.reference}:{purpose}"[:255]
    return api.ask("POST", path, headers, urlencode(form).encode(), credential=_KEY)


def _headers(api: Api) -> dict[str, str]:
    version = api.credentials.get("version")
    return {"Authorization": f"Bearer {api.secret(_KEY)}"} | ({"Stripe-Version": version} if version else {})


RECIPIENT = Recipient(
    name="stripe",
    needs=(_KEY,),
    check=check,
    erase=erase,
    rectify=rectify,
    restrict=None,
    set_consent=None,
    channels=frozenset(),
    delay=f"transactions {TRANSACTIONS_AFTER.days} days after they were made, and customers with them",
    keeps="amounts and times of payments",
)
