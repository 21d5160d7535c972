"""``queue``: what waits, for whom, and how fast it gets done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import typer

from ...config.commands import OPERATOR, Run, command, group
from ...config.settings import Settings
from ...config.valkey import EmbeddedValkey
from ..access.roles import Permission
from ..errors import Unavailable
from ..services import rows, tenants
from ..services.patience import Patient
from ..services.traffic import pausing, queues, top
from ..services.traffic.queues import Depths
from ..wiring import core_for
from . import queue_view
from .owner import one_tenant

DepthsOf = Callable[[Settings], Depths]

commands = group("queue", "What waits for the workers.")

Sort = Annotated[Literal["depth", "age"], typer.Option(help="By events that wait, or by the oldest of them.")]
Interval = Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds from one look to the next.")]
Once = Annotated[bool, typer.Option("--once", help="Print one picture, as always into a pipe.")]
Many = Annotated[int, typer.Option(min=1, max=top.LARGEST, help="Tenants to show.")]
Weight = Annotated[int, typer.Argument(min=1, max=tenants.HEAVIEST, metavar="WEIGHT")]


@command(commands, "weight", takes=Permission.MANAGE_TENANT, tenant=True)
def queue_weight(run: Run, weight: Weight) -> None:
    """Give a tenant more turns than others: 1, as everybody has, to 100. Holds from its next messages on."""
    core, tenant_id = one_tenant(run)
    run.show(rows.tenant(tenants.set_queue_weight(core, tenant_id, weight, run.actor)), rows.QUEUE_WEIGHT)


@command(commands, "pause", takes=Permission.MANAGE_TENANT, tenant=True)
def queue_pause(run: Run) -> None:
    """Let a tenant's events wait: they are accepted and kept, and no worker takes them until `queue resume`."""
    core, tenant_id = one_tenant(run)
    run.show(rows.tenant(pausing.pause(core, tenant_id, run.actor)), rows.PAUSE)


@command(commands, "resume", takes=Permission.MANAGE_TENANT, tenant=True)
def queue_resume(run: Run) -> None:
    """Let a tenant's work go on, with all that gathered while it was paused."""
    core, tenant_id = one_tenant(run)
    run.show(rows.tenant(pausing.resume(core, tenant_id, run.actor)), rows.PAUSE)


def asking(depths_of: DepthsOf) -> typer.Typer:
    """The group with the commands that ask the dispatcher too, which ``depths_of`` reaches."""

    @command(commands, "list", takes=Permission.LOOK, tenant=True)
    def queue_list(run: Run) -> None:
        """A tenant's queues; without Redis what the database knows."""
        core, tenant_id = one_tenant(run)
        try:
            found = queues.of_tenant(core, tenant_id, _patient(depths_of, run))
        except Unavailable as error:
            run.console.say(queue_view.without_redis(str(error)))
            found = queues.of_tenant(core, tenant_id, None)
        shown = [queues.as_json(queue) for queue in found]
        run.show(shown if run.as_json else [queue_view.readable(row) for row in shown], rows.QUEUE)

    @command(commands, "top", takes=OPERATOR)
    def queue_top(
        run: Run, sort: Sort = "depth", interval: Interval = 2.0, once: Once = False, limit: Many = 20
    ) -> None:
        """The busiest tenants, live. Printed once, it looks twice, to tell what gets done in between."""
        core = core_for(run.settings)
        if not (run.as_json or top.anybody()):
            return run.console.say("There is no tenant yet; `dxflow tenant create --name NAME` makes one.")
        view = queue_view.View(top.Top(core, _patient(depths_of, run), limit, sort), run, interval)
        if run.as_json or once or not run.console.is_terminal:
            return view.once()
        return view.live()

    return commands


def _patient(depths_of: DepthsOf, run: Run) -> Depths:
    """Asks the Redis of this installation, or the embedded Valkey of the server that runs beside us."""
    url = run.settings.redis_url or EmbeddedValkey(run.settings.data_dir).url
    return Patient(depths_of(run.settings.model_copy(update={"redis_url": url})))
