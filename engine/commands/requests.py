"""``request``: rights requests, and what the desk does with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from typer import Option

from ...config import options
from ...config.commands import OPERATOR, Run, command, group
from ..access.roles import Permission
from ..desk import actions, answering, matching, queue
from ..desk import rows as desk_rows
from ..desk.dry_run import dry_run
from ..rights import clock
from ..services import rows
from ..services.rights import requests
from ..store.models import RightsRequest
from .owner import one_tenant

commands = group("request", "Rights requests.")

View = Annotated[Literal["open", "overdue", "closed"], Option(help="Which part of the queue.")]
Act = Literal[
    "acknowledge", "match", "verify", "collect", "review", "hold", "resume", "extend", "respond", "reject",
    "complete", "cancel", "reopen", "mark-duplicate",
]  # fmt: skip
Reason = Annotated[
    str | None, Option(help="Why: a text (verify, extend, reopen) or a word of the list (hold, reject).")
]
Message = Annotated[str | None, Option(help="What the person is told (hold, respond, reject).")]
Decision = Annotated[Literal["fulfilled", "partly"] | None, Option(help="How it is answered (respond).")]
Of = Annotated[
    str | None, Option(help="The earlier request (mark-duplicate), or the data subject it is about (match).")
]
Otherwise = Annotated[
    str | None,
    Option(help="How the person was told, where no mail reaches them (hold, extend, respond, reject)."),
]


@command(commands, "list", takes=Permission.LOOK, tenant=True)
def request_list(run: Run, view: View = "open", limit: options.Limit = 50) -> None:
    """The queue, the first due on top; nobody is named."""
    core, owner = one_tenant(run)
    found = queue.listing(owner, view, queue.today(owner, core.clock()), limit=limit)
    run.show([desk_rows.request(row) for row in found], desk_rows.REQUEST)


@command(commands, "show", takes=Permission.LOOK, tenant=True)
def request_show(run: Run, request_id: str) -> None:
    """One request with its clock, line by line, and what can be done next."""
    _, owner = one_tenant(run)
    row = requests.get(owner, request_id)
    run.show(desk_rows.request(row), desk_rows.REQUEST_IN_FULL)
    if not run.as_json:
        run.show(list(row.clock), rows.CLOCK)


@command(commands, "dry-run", takes=Permission.HANDLE_REQUESTS, tenant=True)
def request_dry_run(run: Run, request_id: str) -> int:
    """What fulfilling it would do; nothing is changed. Exit code 1 where something is in the way."""
    core, owner = one_tenant(run)
    found = dry_run(core, owner, request_id)
    told = {**found, "blocked": "\n".join(found["blocked"]) or None}
    counts = (found["plan"] or {}).get("what", found["counts"])
    told["counts"] = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or None
    run.show(found if run.as_json else told, desk_rows.DRY_RUN)
    return 1 if found["blocked"] else 0


@command(commands, "act", takes=Permission.HANDLE_REQUESTS, tenant=True)
def request_act(
    run: Run,
    request_id: str,
    act: Act,
    reason: Reason = None,
    message: Message = None,
    decision: Decision = None,
    of: Of = None,
    told_otherwise: Otherwise = None,
) -> None:
    """Take a request on: check who asks, gather, wait, extend, answer, deny, close."""
    core, owner = one_tenant(run)
    wanted = _ACTS[act]
    given = {"reason": reason, "message": message, "decision": decision, "of": of}
    given["told_otherwise"] = told_otherwise
    missing = [name for name in wanted.needs if given[name] is None]
    unfit = [name for name, value in given.items() if value is not None and name not in wanted.takes]
    if missing or unfit:
        takes = ", ".join(f"--{name.replace('_', '-')}" for name in wanted.takes) or "no option"
        raise options.wrong_usage(f"{act} takes {takes}")
    said = [given[name] or "" for name in wanted.takes]
    row = wanted.do(core, owner, requests.get(owner, request_id).id, run.actor, *said)
    run.show(desk_rows.request(row), desk_rows.REQUEST_IN_FULL)


class _Act:
    """An act, which options it takes in the order of its arguments, and which it needs."""

    def __init__(self, do: Callable[..., RightsRequest], takes: str = "", needs: str = "") -> None:
        self.do, self.takes, self.needs = do, takes.split(), needs.split()


def _step(act: str) -> Callable[..., RightsRequest]:
    return lambda core, owner, request_id, actor: actions.step(core, owner, request_id, actor, act)


_ACTS = {
    "acknowledge": _Act(actions.acknowledge),
    "match": _Act(matching.match, "of", "of"),
    "verify": _Act(actions.verify, "reason", "reason"),
    "collect": _Act(_step("collect")),
    "review": _Act(_step("review")),
    "hold": _Act(actions.hold, "reason message told_otherwise", "reason"),
    "resume": _Act(actions.resume),
    "extend": _Act(actions.extend, "reason told_otherwise", "reason"),
    "respond": _Act(answering.respond, "decision message told_otherwise", "decision"),
    "reject": _Act(actions.reject, "reason message told_otherwise", "reason"),
    "complete": _Act(actions.complete),
    "cancel": _Act(actions.cancel),
    "reopen": _Act(actions.reopen, "reason", "reason"),
    "mark-duplicate": _Act(actions.mark_duplicate, "of", "of"),
}


@command(commands, "clock", takes=OPERATOR)
def request_clock(
    run: Run,
    regime: options.Regime,
    received: options.Time,
    hold: options.Waits,
    country: str | None = None,
    extended: bool = False,
    verified: options.MaybeTime = None,
) -> None:
    """When a rights request is due, and why; needs no database. The country (DE, DE-BY) is for holidays."""
    dates = clock.compute(regime, received, country=country, verified=verified, extended=extended, holds=hold)
    run.show(dates.as_json() if run.as_json else [step.as_json() for step in dates.steps], rows.CLOCK)
