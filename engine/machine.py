"""Every workflow dxflow runs, as one table: workflow → step → outcome → next step.

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
        },
        "log": {
            "consent_follows": "consent",
            "request_follows": "request",
            "row_follows": "provision",
            "logged": DONE,
        },
        "consent": {"synced": DONE, "stale": DONE},
        "request": {"recorded": DONE, "repeated": DONE},
        "provision": {"provisioned": DONE, "unchanged": DONE},
    },
    "data_controller": {
        "derive": {"derived": DONE, "unchanged": DONE, "gone": DONE},
    },
    "data_subject": {
        "derive": {"derived": "link", "unchanged": "link", "gone": DONE},
        "link": {"linked": DONE, "unchanged": DONE, "conflict": DONE, "gone": DONE},
    },
    "processing_activity": {
        "publish": {"published": "register", "unchanged": DONE, "gone": DONE},
        "register": {"registered": "record", "gone": DONE},
        "record": {"recorded": DONE, "gone": DONE},
    },
    "rights_request": {
        "record": {"recorded": "notify", "unchanged": DONE, "gone": DONE},
        "notify": {"notified": DONE, "gone": DONE},
    },
    "user": {
        "identify": {"matched": "join", "created": "join", "anonymous": DONE, "gone": DONE},
        "join": {"joined": DONE, "unchanged": DONE},
    },
}

WORKFLOW = "workflow"
REGISTER = "audit_register"
RESULTS = "audit_register_results"
FAMILIES = (WORKFLOW, REGISTER, RESULTS)
"""Families of tenant queues; a tenant's queue is named ``{family}_queue_{did}``."""

REGISTER_EXCHANGE = "audit_register_exchange"

_FAMILIES = {
    ("processing_activity", "register"): REGISTER,
    ("processing_activity", "record"): RESULTS,
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
    return "\n".join(lines)


def _steps(workflow: str) -> Mapping[str, Mapping[str, str]]:
    if workflow not in WORKFLOWS:
        raise IllegalMove(f"no workflow {workflow!r}; there are {', '.join(WORKFLOWS)}")
    return WORKFLOWS[workflow]
