"""The table of workflows: whole, closed, and drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from dxflow.engine import machine, steps
from dxflow.engine.errors import IllegalMove

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("workflow", "step", "outcome", "following"), list(machine.every_move()))
def test_every_outcome_leads_to_a_step_that_exists(
    workflow: str, step: str, outcome: str, following: str
) -> None:
    assert machine.move(workflow, step, outcome) == following
    assert following == machine.DONE or following in machine.WORKFLOWS[workflow]


def test_every_step_has_code_and_no_code_is_without_a_step() -> None:
    table = {workflow: set(found) for workflow, found in machine.WORKFLOWS.items()}
    assert {workflow: set(found) for workflow, found in steps.STEPS.items()} == table


def test_every_step_can_be_reached_and_every_workflow_ends() -> None:
    for workflow, table in machine.WORKFLOWS.items():
        reached, frontier = set[str](), [machine.first_step(workflow)]
        while frontier:
            step = frontier.pop()
            if step not in reached and step != machine.DONE:
                reached.add(step)
                frontier += table[step].values()
        assert reached == set(table)
        assert any(
            following == machine.DONE for outcomes in table.values() for following in outcomes.values()
        )


@pytest.mark.parametrize(
    ("workflow", "step", "outcome"),
    [("webhook", "match", "unheard_of"), ("webhook", "nowhere", "matched"), ("nothing", "at", "all")],
)
def test_an_unknown_move_is_an_error_that_names_what_is_allowed(
    workflow: str, step: str, outcome: str
) -> None:
    with pytest.raises(IllegalMove, match=r"allowed|has|there are"):
        machine.move(workflow, step, outcome)
    with pytest.raises(IllegalMove):
        steps.find("nothing", "at")


def test_the_committed_picture_is_the_table_as_it_stands() -> None:
    assert (ROOT / "docs" / "workflows.md").read_text() == machine.diagram(), "run `make diagram`"
