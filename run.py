"""The command line: parse, call the engine, show. ``python run.py COMMAND``, installed also as ``dxflow``.

Exit codes: 0 done, 1 it failed (one line on stderr says why), 2 wrong usage. Data goes to stdout and all else
to stderr. Imports are absolute here alone: run as a program, this file belongs to no package.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date
from typing import Annotated, Any, Literal

import peewee
import redis
import typer

import dxflow
from dxflow.config import banner
from dxflow.config.commands import Run, command, root
from dxflow.config.console import Console
from dxflow.config.datadir import DataDir
from dxflow.config.errors import StartError
from dxflow.config.server import EXIT_TIMEOUT_S, listen, run_server
from dxflow.config.settings import Settings
from dxflow.config.valkey import EmbeddedValkey
from dxflow.engine import moments
from dxflow.engine.core import Core
from dxflow.engine.errors import DxflowError, Invalid
from dxflow.engine.rights import clock
from dxflow.engine.services import (
    acts,
    audit,
    connectors,
    credentials,
    deliveries,
    doctor,
    events,
    rows,
    tenants,
    users,
    welcome,
)
from dxflow.engine.store import Store
from dxflow.engine.wiring import core_for
from dxflow.http.demo import hour

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
tenant, key, connector, event, request, log, user = (typer.Typer(no_args_is_help=True) for _ in range(7))
for group, name, title in (
    (tenant, "tenant", "Data controllers."),
    (key, "key", "API keys."),
    (connector, "connector", "Addresses that platforms deliver to."),
    (event, "event", "What came in, and what became of it."),
    (request, "request", "Rights requests."),
    (log, "audit", "The append-only log."),
    (user, "user", "People who sign in."),
):
    app.add_typer(group, name=name, help=title)
root(app, dxflow.__version__)

Platform = Literal["shopify", "stripe", "mailchimp", "mandrill", "woocommerce", "hasura"]
Regime = Literal["gdpr", "uk_gdpr", "ccpa", "ccpa_opt_out", "shopify"]
Tenant = Annotated[str | None, typer.Option(help="DID or id; can be left out while there is one tenant.")]
Secret = Annotated[list[str] | None, typer.Option(help="Can be repeated; - reads lines from stdin.")]
Many = Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")]
When = Annotated[str, typer.Option(metavar="TIME", help="RFC 3339, or a date: 2026-03-31T09:30:00Z.")]

TENANT = {"did": "DID", "name": "Name", "jurisdiction": "Jurisdiction", "region": "Region", "created_at": "Made"}
KEY = {"id": "Id", "name": "Name", "prefix": "Begins", "scopes": "Scopes", "created_at": "Made"}
DOOR = {"id": "Id", "platform": "Platform", "name": "Name", "url": "Address", "secrets": "Secrets"}
EVENT = {"id": "Id", "received_at": "Received", "source": "Source", "topic": "Topic", "step": "Step"}
EVENT |= {"state": "State", "attempts": "Attempts", "error": "Error"}
USER = {"id": "Id", "email": "E-mail", "role": "Role", "active": "Active", "created_at": "Joined"}


@command(app, "serve", prints=False, runs=True)
def serve(run: Run) -> None:
    """Run everything: the edge and the actors, on an embedded Valkey unless a Redis is set."""
    settings = run.settings
    with ExitStack() as stack:
        stack.enter_context(DataDir(settings.data_dir))
        listener = stack.enter_context(listen(settings))
        valkey = None if settings.redis_url else EmbeddedValkey(settings.data_dir)
        if valkey:
            stack.callback(valkey.stop)
            valkey.start()
            settings = settings.model_copy(update={"redis_url": valkey.url})
        core = core_for(settings)
        _greet(core, run)
        core.store.close()  # the workers are forked, and open their own
        engine = dxflow.Engine(settings, sole=valkey is not None and settings.web_workers == 1)
        code = _edge(settings, engine, listener=listener, on_tick=valkey and valkey.ensure_running)
    raise typer.Exit(code)


@command(app, "web", prints=False, runs=True)
def web(run: Run) -> None:
    """Run the edge alone; `worker` processes do the work."""
    DataDir(run.settings.data_dir).prepare()
    core_for(run.settings).store.close()
    raise typer.Exit(_edge(run.settings, None))


def _edge(settings: Settings, engine: dxflow.Engine | None, **more: Any) -> int:
    return run_server(
        settings,
        lambda: dxflow.create_app(settings, engine=engine),
        on_fork=lambda: engine.start() if engine else None,
        on_exit=lambda: engine.stop(EXIT_TIMEOUT_S) if engine else None,
        workers=settings.web_workers,
        threads=settings.edge_threads,
        **more,
    )


@command(app, "worker", prints=False, runs=True)
def worker(run: Run) -> None:
    """Run the actors alone, until a signal asks to stop."""
    data_dir, stopping = DataDir(run.settings.data_dir), threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    with ExitStack() as stack:
        if run.settings.redis_url:
            data_dir.prepare()
        else:
            stack.enter_context(data_dir)  # the embedded Valkey in it serves one
        engine = dxflow.Engine(run.settings)
        stack.callback(engine.stop, EXIT_TIMEOUT_S)
        engine.start()
        stopping.wait()


def _greet(core: Core, run: Run) -> None:
    """What people need first; passwords and secrets only on the very first start."""
    made, here = welcome.first_start(core, run.settings), os.path.relpath(sys.executable)
    program = f"{here} run.py" if sys.argv[0].endswith("run.py") else "dxflow"
    flags = "".join(f" --{name.replace('_', '-')} {value}" for name, value in run.flags.items())
    sections = [banner.Section("", [("Dashboard", welcome.dashboard(run.settings))])]
    if made:
        sections[0].lines.extend([("Sign in as", made.email), ("One-time password", made.one_time_password)])
        sections[0].lines.extend([("API key", made.api_key), ("Tenant", made.did)])
        doors = [line for door in made.doors for line in ((door.platform, door.url), ("  secret", door.secret))]
        sections.append(banner.Section("Webhook addresses and their secrets, shown only now", doors))
    sections.append(banner.Section("Try it from another terminal", [("", f"{program} demo{flags}")]))
    banner.show(f"dxflow {dxflow.__version__}", sections)


@command(app, "migrate")
def migrate(run: Run) -> None:
    """Bring the database up to date."""
    DataDir(run.settings.data_dir).prepare()
    with Store(run.settings.database) as store:
        found = {"applied": store.migrate(), "version": store.version()}
    run.show(found, {"applied": "Applied", "version": "Version"})


@command(app, "doctor")
def examine(run: Run) -> None:
    """Check this installation; works also where things are broken."""
    checks = [check.as_json() for check in doctor.examine(lambda: run.settings, moments.system_clock())]
    ok = all(check["ok"] for check in checks)
    document = {"ok": ok, "checks": checks}
    run.show(document if run.as_json else checks, {"name": "Check", "ok": "Well", "detail": "Found"})
    raise typer.Exit(0 if ok else 1)


@command(app, "demo")
def demo(
    run: Run,
    deliveries: Annotated[int, typer.Option("--events", min=40, max=100_000, help="How many deliveries.")] = 400,
    rate: Annotated[float, typer.Option(min=0, help="Deliveries a second; 0 sends as fast as it can.")] = 50,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same people and traffic.")] = None,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait for the processing.")] = 120,
) -> None:
    """Send an hour of signed traffic of all platforms to the running server, and tell what became of it."""
    plan = hour.Plan(deliveries, rate, seed, timeout)
    found = hour.play(core_for(run.settings), run.settings, plan, run.console)
    run.show(found, hour.COLUMNS)
    raise typer.Exit(1 if found["unexpected"] else 0)


@command(tenant, "create")
def tenant_create(
    run: Run,
    name: Annotated[str, typer.Option()],
    jurisdiction: Annotated[str, typer.Option(help="EU, DE, UK, US-CA …")] = "EU",
    region: Annotated[str | None, typer.Option(help="Country (ISO 3166) that reads local telephones.")] = None,
) -> None:
    """Make a tenant. Its first API key is shown only now."""
    made = tenants.create(core_for(run.settings), name, jurisdiction, region)
    run.show(rows.tenant(made.controller) | {"api_key": made.api_key}, TENANT | {"api_key": "API key"})


@command(tenant, "list")
def tenant_list(run: Run) -> None:
    """All tenants, oldest first."""
    core_for(run.settings)
    run.show([rows.tenant(row) for row in tenants.every()], TENANT)


@command(tenant, "show")
def tenant_show(run: Run, tenant: Annotated[str, typer.Argument(help="DID or id.")]) -> None:
    """One tenant, and how much it has."""
    core, row = core_for(run.settings), tenants.find(tenant)
    counts = {"connectors": len(connectors.every(row.id)), "log_entries": core.log.head(row.id).size}
    run.show(rows.tenant(row) | counts, TENANT | {"connectors": "Connectors", "log_entries": "Log entries"})
