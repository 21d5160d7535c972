"""The command line: ``python run.py COMMAND``, installed also as ``dxflow``.

What runs an installation stands here, what looks after one in ``engine/commands/``. Exit codes: 0 done, 1 it
failed (one line on stderr says why), 2 wrong usage. Data goes to stdout and all else to stderr. Imports are
absolute here alone: run as a program, this file belongs to no package.
"""

from __future__ import annotations

import dxflow
from dxflow.config import banner, options, processes
from dxflow.config.commands import OPERATOR, Run, command, execute, program
from dxflow.config.settings import Settings
from dxflow.engine.commands import (
    agents,
    audit,
    audit_show,
    backups,
    chain,
    connectors,
    desk,
    erasures,
    events,
    keyring,
    keys,
    legal_holds,
    log_keys,
    obligations,
    owner,
    packages,
    privacy_agents,
    proofs,
    queues,
    reports,
    request_import,
    requests,
    sso,
    subjects,
    tenants,
    users,
    watch,
    webhooks,
)
from dxflow.engine.services import doctor, rows, upkeep, welcome
from dxflow.engine.store import scope
from dxflow.engine.wiring import agent_core_for, core_for

app = program(dxflow.__version__, owner.let_in)
modules = (
    tenants,
    keys,
    connectors,
    events,
    requests,
    reports,
    packages,
    desk,
    request_import,
    privacy_agents,
    audit,
    audit_show,
    log_keys,
    proofs,
    watch,
    agents,
    users,
    sso,
    keyring,
    subjects,
    legal_holds,
    erasures,
    obligations,
    chain,
)
desk.commands.add_typer(webhooks.commands, name="webhook")
for group in dict.fromkeys(module.commands for module in modules):  # some modules add to another's group
    app.add_typer(group)
app.add_typer(obligations.marks)
for each in (backups.backup, backups.restore):
    command(app, each.__name__, takes=OPERATOR)(each)
app.add_typer(queues.asking(lambda settings: dxflow.Engine(settings).depths))


@command(app, "serve", takes=OPERATOR, prints=False, runs=True)
def serve(run: Run) -> int:
    """Run everything: the edge and the actors, on an embedded Valkey unless a Redis is set."""

    def opening(settings: Settings) -> None:
        core = core_for(settings)
        told = welcome.told(welcome.first_start(core, settings), settings)
        banner.show(f"dxflow {dxflow.__version__}", [*told, ("Try it", [("", run.spelled("demo"))])])
        core.store.close()

    return processes.serve(
        run.settings,
        opening,
        lambda settings, sole: dxflow.Engine(settings, sole=sole),
        lambda settings, engine: dxflow.create_app(settings, engine=engine),
    )


@command(app, "web", takes=OPERATOR, prints=False, runs=True)
def web(run: Run) -> int:
    """Run the edge alone; `worker` processes do the work."""
    return processes.web(run.settings, lambda settings: core_for(settings).store.close(), dxflow.create_app)


@command(app, "worker", takes=OPERATOR, prints=False, runs=True)
def worker(run: Run) -> None:
    """Run the actors alone, until a signal asks to stop."""
    processes.worker(run.settings, dxflow.Engine(run.settings))


@command(app, "agent", takes=OPERATOR, prints=False, runs=True)
def agent(run: Run) -> int:
    """Run a dx-agent that engines register with over HTTP; on port 9000 if none is set."""
    from dxflow.http.agent import Service  # half a second that only servers need

    settings = run.settings.for_agent()
    service = Service(settings)

    def opening(settings: Settings) -> None:
        agent_core_for(settings).store.close()
        who = "engines that know DXFLOW_AGENT_TOKEN" if settings.agent_token else "any engine on this machine"
        told = [("DXFLOW_AGENT_URL", settings.base_url), ("Enrols", who)]
        banner.show(f"dx-agent {dxflow.__version__}", [("", told)])

    return processes.agent(settings, opening, lambda _: service.app(), service.stop)


@command(app, "migrate", takes=OPERATOR)
def migrate(run: Run) -> None:
    """Bring the database up to date."""
    run.show(upkeep.migrate(run.settings), rows.MIGRATION)


@command(app, "doctor", takes=OPERATOR)
def examine(run: Run) -> int:
    """Check this installation; works also where things are broken."""
    found = doctor.examine(lambda: run.settings)
    run.show(found.as_json() if run.as_json else found.lines(), rows.CHECK)
    return 0 if found.ok else 1


@command(app, "demo", takes=OPERATOR)
def demo(
    run: Run,
    events: options.Deliveries = 400,
    rate: options.Rate = 50,
    seed: int | None = None,
    timeout: options.Timeout = 120,
) -> int:
    """Send an hour of signed traffic to the running server, and tell what became of it. --seed repeats one."""
    from dxflow.http.demo import hour  # made-up traffic, which nothing else needs

    wish = hour.Wish(events, rate, seed, timeout)
    found = hour.play(core_for(run.settings), run.settings, wish, run.console)
    run.show(found.as_json() if run.as_json else found.lines(), hour.COLUMNS)
    return 1 if found.unexpected else 0


def main() -> None:
    """Run the command line."""
    with scope.everyone("the command line is the operator's; commands about one tenant narrow it"):
        execute(app, upkeep.FAILURES)


if __name__ == "__main__":
    main()
