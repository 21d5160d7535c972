"""The command line: parse, call the engine, show. ``python run.py COMMAND``, installed also as ``dxflow``.

Exit codes: 0 done, 1 it failed (one line on stderr says why), 2 wrong usage. Data goes to stdout and all else
to stderr. Imports are absolute here alone: run as a program, this file belongs to no package.
"""

from __future__ import annotations

from typing import Annotated, Literal

import peewee
from typer import Argument, BadParameter, Option

import dxflow
from dxflow.config import banner, options, processes
from dxflow.config.commands import Run, command, execute, group, program
from dxflow.config.datadir import DataDir
from dxflow.config.settings import Settings
from dxflow.engine import moments
from dxflow.engine.core import Core
from dxflow.engine.errors import DxflowError
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
from dxflow.engine.store import Store, models
from dxflow.engine.wiring import core_for
from dxflow.http.demo import hour

app = program(dxflow.__version__)
tenant = group(app, "tenant", "Data controllers.")
key = group(app, "key", "API keys.")
connector = group(app, "connector", "Addresses that platforms deliver to.")
event = group(app, "event", "What came in, and what became of it.")
request = group(app, "request", "Rights requests.")
log = group(app, "audit", "The append-only log.")
user = group(app, "user", "People who sign in.")

Platform = Annotated[Literal["shopify", "stripe", "mailchimp", "mandrill", "woocommerce", "hasura"], Option()]
Regime = Annotated[Literal["gdpr", "uk_gdpr", "ccpa", "ccpa_opt_out", "shopify"], Option()]
Required = Annotated[str, Option()]
Tenant = Annotated[str | None, Option(help="DID or id; can be left out while there is one tenant.")]
Scopes = Annotated[list[str] | None, Option(help="Can be repeated; all of them when left out.")]
Secrets = Annotated[list[str] | None, Option(help="Can be repeated; - reads lines from stdin.")]
Pairs = Annotated[list[str] | None, Option(metavar="KEY=VALUE", help="Can be repeated.")]
Query = Annotated[str | None, Option("--q", "-q", help="A part of topic or error, or an id.")]
State = Annotated[Literal["received", "running", "retrying", "done", "failed", "discarded"] | None, Option()]
Limit = Annotated[int, Option(min=1, max=10_000)]
Time = Annotated[str, Option(metavar="TIME", help="RFC 3339, or a date.")]
Waits = Annotated[list[str] | None, Option(metavar="FROM/TO", help="A wait for the person; can be repeated.")]
Events = Annotated[int, Option(min=60, max=100_000, help="How many deliveries.")]
Rate = Annotated[float, Option(min=0, help="Deliveries a second; 0 is as fast as it goes.")]
Timeout = Annotated[float, Option(min=1, help="Seconds to wait for the processing.")]


@command(app, "serve", prints=False, runs=True)
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


@command(app, "web", prints=False, runs=True)
def web(run: Run) -> int:
    """Run the edge alone; `worker` processes do the work."""
    return processes.web(run.settings, lambda settings: core_for(settings).store.close(), dxflow.create_app)


@command(app, "worker", prints=False, runs=True)
def worker(run: Run) -> None:
    """Run the actors alone, until a signal asks to stop."""
    processes.worker(run.settings, dxflow.Engine(run.settings))


@command(app, "migrate")
def migrate(run: Run) -> None:
    """Bring the database up to date."""
    DataDir(run.settings.data_dir).prepare()
    with Store(run.settings.database) as store:
        run.show(
            {"applied": store.migrate(), "version": store.version()},
            {"applied": "Applied", "version": "Version"},
        )


@command(app, "doctor")
def examine(run: Run) -> int:
    """Check this installation; works also where things are broken."""
    checks = [check.as_json() for check in doctor.examine(lambda: run.settings, moments.system_clock())]
    ok = all(check["ok"] for check in checks)
    run.show({"ok": ok, "checks": checks} if run.as_json else checks, doctor.COLUMNS)
    return 0 if ok else 1


@command(app, "demo")
def demo(
    run: Run, events: Events = 400, rate: Rate = 50, seed: int | None = None, timeout: Timeout = 120
) -> int:
    """Send an hour of signed traffic of all platforms to the running server, and tell what became of it.

    The same --seed gives the same people and the same traffic.
    """
    found = hour.play(
        core_for(run.settings), run.settings, hour.Wish(events, rate, seed, timeout), run.console
    )
    run.show(found.as_json() if run.as_json else found.as_lines(), hour.COLUMNS)
    return 1 if found.unexpected else 0


@command(tenant, "create")
def tenant_create(run: Run, name: Required, jurisdiction: str = "EU", region: str | None = None) -> None:
    """Make a tenant; its first API key is shown only now. The region (DE) is for local telephone numbers."""
    made = tenants.create(core_for(run.settings), name, jurisdiction, region)
    run.show(rows.tenant(made.controller) | {"api_key": made.api_key}, rows.TENANT | {"api_key": "API key"})


@command(tenant, "list")
def tenant_list(run: Run) -> None:
    """All tenants, oldest first."""
    core_for(run.settings)
    run.show([rows.tenant(row) for row in tenants.every()], rows.TENANT)


@command(tenant, "show")
def tenant_show(run: Run, tenant: str) -> None:
    """The tenant with this DID or id, and how much it has."""
    core, row = core_for(run.settings), tenants.find(tenant)
    counts = {"connectors": len(connectors.every(row.id)), "log_entries": core.log.head(row.id).size}
    run.show(
        rows.tenant(row) | counts, rows.TENANT | {"connectors": "Connectors", "log_entries": "Log entries"}
    )


@command(key, "create")
def key_create(run: Run, name: Required, scope: Scopes = None, tenant: Tenant = None) -> None:
    """Make an API key with all scopes or those given (read, write, admin); it is shown only now."""
    core, owner = _tenant(run, tenant)
    row, secret = credentials.create_key(core, owner.id, name, scope or credentials.ALL_SCOPES, acts.SYSTEM)
    run.show(rows.api_key(row) | {"api_key": secret}, rows.API_KEY | {"api_key": "API key"})


@command(key, "list")
def key_list(run: Run, tenant: Tenant = None) -> None:
    """A tenant's API keys, oldest first, revoked ones too."""
    _, owner = _tenant(run, tenant)
    run.show([rows.api_key(row) for row in credentials.keys(owner.id)], rows.API_KEY)


@command(key, "revoke")
def key_revoke(run: Run, key_id: str, tenant: Tenant = None) -> None:
    """Revoke an API key, at once and for good."""
    core, owner = _tenant(run, tenant)
    run.show(rows.api_key(credentials.revoke(core, owner.id, key_id, acts.SYSTEM)), rows.API_KEY)


@command(connector, "add")
def connector_add(
    run: Run,
    platform: Platform,
    secret: Secrets = None,
    name: str = "",
    option: Pairs = None,
    address: str | None = None,
    tenant: Tenant = None,
) -> None:
    """Make an address for a platform to deliver to. Mandrill signs the --address as it was entered there."""
    core, owner = _tenant(run, tenant)
    chosen = options.pairs(option or ()) | ({"address": address} if address else {})
    row = connectors.add(core, owner.id, platform, options.secrets(secret or ()), name=name, options=chosen)
    run.show(rows.new_connector(core, row, run.settings.base_url), rows.CONNECTOR)


@command(connector, "list")
def connector_list(run: Run, tenant: Tenant = None) -> None:
    """Connectors of one tenant or of all, without their secrets."""
    core, owner = _tenant_or_all(run, tenant)
    found = [rows.connector(core, row, run.settings.base_url) for row in connectors.every(owner)]
    run.show(found, rows.CONNECTOR)


@command(connector, "rotate")
def connector_rotate(run: Run, connector_id: str, secret: Secrets = None) -> None:
    """Put a new secret in force; the old ones stay valid for a day."""
    core, row = core_for(run.settings), deliveries.find(connector_id)
    for new in options.secrets(secret or ()):
        connectors.rotate(core, row.tenant_id, row.id, new)
    run.show(rows.new_connector(core, row, run.settings.base_url), rows.CONNECTOR)


@command(connector, "check")
def connector_check(run: Run, connector_id: str) -> None:
    """Whether anything arrives at a connector, and whether it can be processed."""
    core = core_for(run.settings)
    run.show(deliveries.check(core, deliveries.find(connector_id), run.settings.base_url), rows.DELIVERIES)


@command(event, "list")
def event_list(
    run: Run,
    state: State = None,
    source: str | None = None,
    q: Query = None,
    limit: Limit = 50,
    tenant: Tenant = None,
) -> None:
    """Events of one tenant or of all, newest first."""
    _, owner = _tenant_or_all(run, tenant)
    found = events.listing(owner, state=state, source=source, q=q, limit=limit)
    run.show([rows.event(row) for row in found], rows.EVENT)


@command(event, "show")
def event_show(run: Run, event_id: str) -> None:
    """One event and its history."""
    core_for(run.settings)
    row = rows.event(events.show(None, event_id))
    run.show(row, rows.EVENT)
    if not run.as_json:
        run.show(row["history"], rows.HISTORY)


@command(event, "replay")
def event_replay(
    run: Run,
    event_id: Annotated[str | None, Argument()] = None,
    every: Annotated[bool, Option("--all", help="All failed events.")] = False,
    state: Annotated[Literal["failed"], Option(hidden=True)] = "failed",
    error: Annotated[str | None, Option(help="Only those with this in their error.")] = None,
    tenant: Tenant = None,
) -> None:
    """Try one event again from the step where it stopped, or all failed ones."""
    if every == (event_id is not None):
        raise BadParameter("name one event, or say --all")
    core, owner = _tenant_or_all(run, tenant)
    if event_id is not None:
        return run.show(rows.event(events.replay(core, owner, event_id, acts.SYSTEM)), rows.EVENT)
    with run.counting(f"Replaying {state} events") as progress:
        replayed = events.replay_many(core, owner, acts.SYSTEM, error=error, progress=progress)
    return run.show({"replayed": replayed}, {"replayed": "Replayed"})


@command(event, "discard")
def event_discard(run: Run, event_id: str, reason: Required) -> None:
    """Give an event up, for a reason that stays with it."""
    run.show(
        rows.event(events.discard(core_for(run.settings), None, event_id, reason, acts.SYSTEM)), rows.EVENT
    )


@command(request, "clock")
def request_clock(
    run: Run,
    regime: Regime,
    received: Time,
    country: str | None = None,
    extended: bool = False,
    hold: Waits = None,
    verified: Annotated[str | None, Option(metavar="TIME", help="When the identity was proven.")] = None,
) -> None:
    """When a rights request is due, and why; needs no database. The country (DE, DE-BY) is for holidays."""
    dates = clock.compute(
        regime,
        options.moment(received),
        country=country,
        extended=extended,
        holds=[options.wait(text) for text in hold or ()],
        verified=options.moment(verified) if verified else None,
    )
    run.show(dates.as_json() if run.as_json else [step.as_json() for step in dates.steps], rows.CLOCK)


@command(log, "verify")
def audit_verify(run: Run, tenant: Tenant = None) -> int:
    """Check the logs entry by entry; exit code 1 unless everything holds."""
    core, owner = _tenant_or_all(run, tenant)
    with run.counting("Verifying", audit.entry_count(owner)) as progress:
        found = audit.verify(core, owner, progress)
    run.show(rows.verification(found), rows.VERIFICATION)
    return 0 if found.ok else 1


@command(log, "checkpoint")
def audit_checkpoint(run: Run, tenant: Tenant = None) -> None:
    """The signed head of a tenant's log, for whoever wants to hold it against a later one."""
    core, owner = _tenant(run, tenant)
    run.show(rows.checkpoint(core, owner), rows.CHECKPOINT)


@command(user, "create")
def user_create(run: Run, email: Required, role: str = "member", tenant: Tenant = None) -> None:
    """Bring a person in; their one-time password is shown only now."""
    core, owner = _tenant(run, tenant)
    row, password = users.create(core, owner.id, email, role)
    made = {"id": row.id, "email": users.email_of(core, row), "role": role, "one_time_password": password}
    run.show(made, rows.USER | {"one_time_password": "One-time password"})


@command(user, "list")
def user_list(run: Run, tenant: Tenant = None) -> None:
    """A tenant's members, oldest first."""
    core, owner = _tenant(run, tenant)
    run.show([rows.user(core, member) for member in users.listing(owner.id)], rows.USER)


@command(user, "role")
def user_role(run: Run, user: str, role: str, tenant: Tenant = None) -> None:
    """Give a member (id or e-mail address) another role."""
    core, owner = _tenant(run, tenant)
    row = users.set_role(core, owner.id, users.find(core, owner.id, user).id, role)
    run.show({"id": row.user_id, "role": row.role}, rows.USER)


def _tenant(run: Run, name: str | None) -> tuple[Core, models.DataController]:
    core = core_for(run.settings)
    return core, tenants.named_or_only(name)


def _tenant_or_all(run: Run, name: str | None) -> tuple[Core, str | None]:
    core = core_for(run.settings)
    return core, tenants.find(name).id if name else None


def main() -> None:
    """Run the command line."""
    execute(app, (DxflowError, peewee.PeeweeException))


if __name__ == "__main__":
    main()
