"""Every workflow dxflow runs, as one table: workflow → step → outcome → next step. Beside it the rights desk's.

The rule: a step answers with an outcome; only outcomes listed here lead anywhere, and anything else raises
``IllegalMove`` and changes nothing. ``done`` is where all of them end and has no outcomes of its own. Failing,
retrying and being discarded are states of an event, not steps: a step that fails is still the step to do.

``make diagram`` draws ``docs/workflows.md`` from this table; CI fails when the picture is stale.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .errors import IllegalMove

DONE = "done"

WORKFLOWS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "webhook": {
        "extract": {"person": "match", "nobody": "log"},
        "match": {
            "matched": "log",
            "created": "log",
            "unknown": "log",
            "stale": "log",
            "conflict": "log",
            "moved": "log",
            "merged": "log",
            "limited": "log",
            "suppressed": DONE,
        },
        "log": {
            "consent_follows": "consent",
            "request_follows": "request",
            "row_follows": "provision",
            "logged": DONE,
        },
        "consent": {"synced": DONE, "stale": DONE, "echo": DONE},
        "request": {"recorded": DONE, "repeated": DONE},
        "provision": {"provisioned": DONE, "unchanged": DONE},
    },
    "data_controller": {
        "derive": {"derived": DONE, "unchanged": DONE, "gone": DONE},
    },
    "data_subject": {
        "derive": {"derived": "link", "unchanged": "link", "gone": DONE},
        "link": {
            "linked": DONE,
            "unchanged": DONE,
            "conflict": DONE,
            "limited": DONE,
            "suppressed": DONE,
            "gone": DONE,
        },
    },
    "processing_activity": {
        "publish": {"published": "register", "unchanged": DONE, "gone": DONE},
        "register": {"registered": "record", "gone": DONE},
        "record": {"recorded": DONE, "gone": DONE},
    },
    "rights_request": {
        "record": {"recorded": "acknowledge", "unchanged": DONE, "gone": DONE},
        "acknowledge": {"told": "notify", "no_address": "notify", "unchanged": "notify", "gone": DONE},
        "notify": {"notified": DONE, "gone": DONE},
    },
    "message": {
        "send": {"sent": DONE, "unsent": DONE, "unchanged": DONE, "withdrawn": DONE, "gone": DONE},
    },
    "obligation": {
        "call": {"done": DONE, "waiting": DONE, "manual": DONE, "unchanged": DONE, "gone": DONE},
    },
    "consent_push": {
        "push": {"pushed": DONE, "dropped": DONE, "unchanged": DONE, "gone": DONE},
    },
    "announcement": {
        "deliver": {"delivered": DONE, "withdrawn": DONE, "unchanged": DONE, "gone": DONE},
    },
    "status_callback": {
        "deliver": {
            "delivered": DONE,
            "superseded": DONE,
            "withdrawn": DONE,
            "unchanged": DONE,
            "gone": DONE,
        },
    },
    "bulk_replay": {
        "decide": {"more": "decide", "finished": DONE, "gone": DONE},
    },
    "user": {
        "identify": {
            "matched": "invitation",
            "created": "invitation",
            "suppressed": DONE,
            "anonymous": DONE,
            "gone": DONE,
        },
        "invitation": {"accepted": DONE, "none": "join"},
        "join": {"joined": DONE, "unchanged": DONE},
    },
    "membership": {
        "identify": {
            "matched": DONE,
            "created": DONE,
            "unchanged": DONE,
            "suppressed": DONE,
            "anonymous": DONE,
            "gone": DONE,
        },
    },
}

HELD = "held_from"
"""Where a request on hold goes on: the state it was held in."""

REQUESTS: Mapping[str, Mapping[str, str]] = {
    "received": {
        "verify": "identity_verified",
        "hold": "on_hold",
        "reject": "rejected",
        "cancel": "cancelled",
    },
    "identity_verified": {
        "collect": "data_collection",
        "hold": "on_hold",
        "reject": "rejected",
        "cancel": "cancelled",
        "mark_duplicate": "duplicate",
    },
    "data_collection": {
        "review": "review",
        "hold": "on_hold",
        "reject": "rejected",
        "cancel": "cancelled",
        "mark_duplicate": "duplicate",
    },
    "review": {
        "collect": "data_collection",
        "respond": "response_sent",
        "hold": "on_hold",
        "reject": "rejected",
        "cancel": "cancelled",
        "mark_duplicate": "duplicate",
    },
    "response_sent": {"collect": "data_collection", "complete": "completed"},
    "on_hold": {"resume": HELD, "reject": "rejected", "cancel": "cancelled"},
    "completed": {},
    "rejected": {"reopen": "received"},
    "cancelled": {"reopen": "received"},
    "duplicate": {"reopen": "received"},
}
"""The rights desk: state of a request → what somebody does → next state. Nothing else moves a request.

A duplicate is marked only after its sender has proven who they are: an unproven one must neither lock the real
person out nor slip through (GHSA-qx5f-ghc2-7g5c).
"""

WORKFLOW = "workflow"
REGISTER = "audit_register"
RESULTS = "audit_register_results"
OUTSIDE = "outside"
"""Steps that ask somebody else, who may be slow: mail servers, platforms, receivers of webhooks. They have a
queue of their own, so that no delivery waits for them."""
FAMILIES = (WORKFLOW, REGISTER, RESULTS, OUTSIDE)
"""Families of tenant queues; a tenant's queue is named ``{family}_queue_{did}``."""

REGISTER_EXCHANGE = "audit_register_exchange"

_FAMILIES = {
    ("processing_activity", "register"): REGISTER,
    ("processing_activity", "record"): RESULTS,
    ("message", "send"): OUTSIDE,
    ("obligation", "call"): OUTSIDE,
    ("consent_push", "push"): OUTSIDE,
    ("announcement", "deliver"): OUTSIDE,
    ("status_callback", "deliver"): OUTSIDE,
}


def first_step(workflow: str) -> str:
    """Where a run of this workflow begins. Raises IllegalMove for a workflow that doesn't exist."""
    return next(iter(_steps(workflow)))


def move(workflow: str, step: str, outcome: str) -> str:
    """The step after ``step`` when it answered ``outcome``. Raises IllegalMove for what isn't in the table."""
    outcomes = _steps(workflow).get(step)
    if outcomes is None:
        raise IllegalMove(f"workflow {workflow!r} has no step {step!r}; it has {', '.join(_steps(workflow))}")
    if outcome not in outcomes:
        allowed = ", ".join(outcomes)
        raise IllegalMove(f"step {workflow}.{step} has no outcome {outcome!r}; allowed are {allowed}")
    return outcomes[outcome]


def move_request(state: str, act: str, held_from: str | None = None) -> str:
    """The state after ``act``. Raises IllegalMove for what the table doesn't allow, naming what it does."""
    acts = REQUESTS.get(state)
    if acts is None:
        raise IllegalMove(f"no state {state!r}; there are {', '.join(REQUESTS)}")
    if act not in acts:
        raise IllegalMove(f"a request in state {state} allows {', '.join(acts) or 'nothing more'}, not {act}")
    following = acts[act]
    return (held_from or first_state()) if following == HELD else following


def first_state() -> str:
    """Where every request begins."""
    return next(iter(REQUESTS))


def queue_name(family: str, did: str) -> str:
    """The public name of a tenant's queue, for example ``audit_register_queue_did:dep:f2c6…``."""
    return f"{family}_queue_{did}"


def queue_family(workflow: str, step: str) -> str:
    """Which family of tenant queues carries this step."""
    return _FAMILIES.get((workflow, step), WORKFLOW)


def every_move() -> Iterator[tuple[str, str, str, str]]:
    """All (workflow, step, outcome, next step), in the table's order."""
    for workflow, steps in WORKFLOWS.items():
        for step, outcomes in steps.items():
            for outcome, following in outcomes.items():
                yield workflow, step, outcome, following


def diagram() -> str:
    """The table as a Markdown page of Mermaid state diagrams."""
    lines = ["# Workflows", "", "Drawn from `engine/machine.py` by `make diagram`; do not edit.", ""]
    for workflow in WORKFLOWS:
        lines += [
            f"## {workflow}",
            "",
            "```mermaid",
            "stateDiagram-v2",
            f"    [*] --> {first_step(workflow)}",
        ]
        for owner, step, outcome, following in every_move():
            if owner == workflow:
                target = "[*]" if following == DONE else following
                lines.append(f"    {step} --> {target}: {outcome}")
        lines += ["```", ""]
    return "\n".join([*lines, *_desk()])


def _desk() -> list[str]:
    """The desk's table as a state diagram."""
    lines = ["## rights desk", "", "```mermaid", "stateDiagram-v2", f"    [*] --> {first_state()}"]
    for state, acts in REQUESTS.items():
        for act, following in acts.items():
            targets = (
                [one for one in REQUESTS if "hold" in REQUESTS[one]] if following == HELD else [following]
            )
            lines += [f"    {state} --> {target}: {act}" for target in targets]
    return [*lines, "```", ""]


def _steps(workflow: str) -> Mapping[str, Mapping[str, str]]:
    if workflow not in WORKFLOWS:
        raise IllegalMove(f"no workflow {workflow!r}; there are {', '.join(WORKFLOWS)}")
    return WORKFLOWS[workflow]
