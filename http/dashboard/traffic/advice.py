"""What kind of trouble an error is, and what to do about it: in the words of somebody who has to mend it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ....engine import machine


@dataclass(frozen=True, slots=True)
class Advice:
    """``kind`` in a few words; ``plain`` what happened, empty where the error's own words say it; ``todo`` what
    to do."""

    kind: str
    plain: str
    todo: str


UNEXPECTED = Advice(
    "unexpected error",
    "dxflow met an error it doesn't know. Nothing of this step was written. The process log says where it "
    "happened.",
    "Look there, or show it to whoever runs dxflow. Replay once it is mended.",
)
DEFECT = Advice(
    "fault of dxflow",
    "",
    "This is a fault of dxflow itself, not of what came in: report it with the technical detail. An update "
    "will have to mend it; replay then.",
)
UNKNOWN_TOPIC = Advice(
    "unknown topic or version",
    "",
    "dxflow has no way to read this topic. If the platform brought out a new version, update dxflow, then "
    "replay. If nobody needs the topic, switch it off at the platform and discard this.",
)
CREDENTIAL = Advice(
    "credential refused or missing",
    "",
    "Set the platform's credential anew on the connector's page, with the permissions it asks for. Then "
    "replay.",
)
OUTSIDE = Advice(
    "somebody else's service",
    "",
    "A service that dxflow depends on was down, slow, or refused. See that it answers again, then replay: it "
    "goes on from this step.",
)
WRONG_DATA = Advice(
    "wrong data",
    "",
    "What came in can't be used as it is. If the platform, or a setting of the connector, can be put right, do "
    "that, then replay. If there is nothing to mend, discard it with a reason.",
)

_KINDS: tuple[tuple[str, Advice], ...] = (
    (r"^unexpected ", UNEXPECTED),
    (r"^a defect in dxflow", DEFECT),
    (r"^no workflow handles |event type|is unknown or came without|maps to no workflow", UNKNOWN_TOPIC),
    (r"\bcredential\b|may not read this resource", CREDENTIAL),
    (
        r"answer|didn't finish|throttled|internal error|mail server|dx-agent|too slow|"
        r"no connection|timed out|leads to an address|HTTP \d{3}",
        OUTSIDE,
    ),
)


def of(workflow: str, step: str, error: str | None) -> Advice:
    """The advice for an error at this step."""
    for pattern, advice in _KINDS:
        if re.search(pattern, error or ""):
            return advice
    outside = machine.queue_family(workflow, step) == machine.OUTSIDE
    return OUTSIDE if outside else WRONG_DATA
