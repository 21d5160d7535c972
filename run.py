"""The command line: parse, call the engine, show. ``python run.py COMMAND``, installed also as ``dxflow``.

Exit codes: 0 done, 1 it failed (one line on stderr says why), 2 wrong usage. Data goes to stdout and all else
to stderr. Imports are absolute here alone: run as a program, this file belongs to no package.
"""

from __future__ import annotations

import dxflow
from dxflow.config import banner, options, processes
from dxflow.config.commands import Run, command, execute, group, program
from dxflow.config.settings import Settings
from dxflow.engine.core import Core
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
    upkeep,
    users,
    welcome,
)
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
    run.show(upkeep.migrate(run.settings), rows.MIGRATION)


@command(app, "doctor")
def examine(run: Run) -> int:
    """Check this installation; works also where things are broken."""
    found = doctor.examine(lambda: run.settings)
    run.show(found.as_json() if run.as_json else found.lines(), rows.CHECK)
    return 0 if found.ok else 1


@command(app, "demo")
def demo(
    run: Run,
    events: options.Deliveries = 400,
    rate: options.Rate = 50,
    seed: int | None = None,
    timeout: options.Timeout = 120,
) -> int:
    """Send an hour of signed traffic to the running server, and tell what became of it. --seed repeats one."""
    wish = hour.Wish(events, rate, seed, timeout)
    found = hour.play(core_for(run.settings), run.settings, wish, run.console)
    run.show(found.as_json() if run.as_json else found.lines(), hour.COLUMNS)
    return 1 if found.unexpected else 0


@command(tenant, "create")
def new_tenant(run: Run, name: options.Required, jurisdiction: str = "EU", region: str | None = None) -> None:
    """Make a tenant; its first API key is shown only now. The region (DE) is for local telephone numbers."""
    made = tenants.create(core_for(run.settings), name, jurisdiction, region)
    run.show(rows.tenant(made.controller) | {"api_key": made.api_key}, rows.TENANT | rows.NEW_KEY)


@command(tenant, "list")
def tenant_list(run: Run) -> None:
    """All tenants, oldest first."""
    core_for(run.settings)
    run.show([rows.tenant(row) for row in tenants.every()], rows.TENANT)


@command(tenant, "show")
def tenant_show(run: Run, tenant: str) -> None:
    """The tenant with this DID or id, and how much it has."""
    core = core_for(run.settings)
    run.show(rows.tenant_in_full(core, tenants.find(tenant)), rows.TENANT_IN_FULL)


@command(key, "create", tenant=True)
def key_create(run: Run, name: options.Required, scope: options.Scopes = None) -> None:
    """Make an API key with all scopes or those given (read, write, admin); it is shown only now."""
    core, owner = _tenant(run)
    row, secret = credentials.create_key(core, owner, name, scope or credentials.ALL_SCOPES, acts.SYSTEM)
    run.show(rows.api_key(row) | {"api_key": secret}, rows.API_KEY | rows.NEW_KEY)


@command(key, "list", tenant=True)
def key_list(run: Run) -> None:
    """A tenant's API keys, oldest first, revoked ones too."""
    _, owner = _tenant(run)
    run.show([rows.api_key(row) for row in credentials.keys(owner)], rows.API_KEY)


@command(key, "revoke", tenant=True)
def key_revoke(run: Run, key_id: str) -> None:
    """Revoke an API key, at once and for good."""
    core, owner = _tenant(run)
    run.show(rows.api_key(credentials.revoke(core, owner, key_id, acts.SYSTEM)), rows.API_KEY)


@command(connector, "add", tenant=True)
def connector_add(
    run: Run,
    platform: options.Platform,
    secret: options.Secrets = None,
    name: str = "",
    option: options.Pairs = None,
    address: str | None = None,
) -> None:
    """Make an address for a platform to deliver to. Mandrill signs the --address as it was entered there."""
    core, owner = _tenant(run)
    chosen = options.pairs(option, address=address)
    row = connectors.add(core, owner, platform, options.secrets(secret), name=name, options=chosen)
    run.show(rows.new_connector(core, row, run.settings.base_url), rows.CONNECTOR)


@command(connector, "list", tenant=True)
def connector_list(run: Run) -> None:
    """Connectors of one tenant or of all, without their secrets."""
    core, owner = _tenant_or_all(run)
    found = [rows.connector(core, row, run.settings.base_url) for row in connectors.every(owner)]
    run.show(found, rows.CONNECTOR)


@command(connector, "rotate")
def connector_rotate(run: Run, connector_id: str, secret: options.Secrets = None) -> None:
    """Put a new secret in force; the old ones stay valid for a day."""
    core, row = core_for(run.settings), deliveries.find(connector_id)
    for new in options.secrets(secret):
        connectors.rotate(core, row.tenant_id, row.id, new)
    run.show(rows.new_connector(core, row, run.settings.base_url), rows.CONNECTOR)


@command(connector, "check")
def connector_check(run: Run, connector_id: str) -> None:
    """Whether anything arrives at a connector, and whether it can be processed."""
    core = core_for(run.settings)
    run.show(deliveries.check(core, deliveries.find(connector_id), run.settings.base_url), rows.DELIVERIES)


@command(event, "list", tenant=True)
def event_list(
    run: Run,
    state: options.State = None,
    source: str | None = None,
    q: options.Query = None,
    limit: options.Limit = 50,
) -> None:
    """Events of one tenant or of all, newest first."""
    _, owner = _tenant_or_all(run)
    found = events.listing(owner, state=state, source=source, q=q, limit=limit)
    run.show([rows.event(row) for row in found], rows.EVENT)


@command(event, "show")
def event_show(run: Run, event_id: str) -> None:
    """One event and its history."""
    core_for(run.settings)
    run.show(rows.story(events.show(None, event_id), as_json=run.as_json), rows.EVENT | rows.HISTORY)


@command(event, "replay", tenant=True)
def event_replay(
    run: Run,
    event_id: options.Id = None,
    every: options.All = False,
    state: options.Failed = "failed",
    error: str | None = None,
) -> None:
    """Try one event again from the step where it stopped, or all failed ones with this in their error."""
    if every == (event_id is not None):
        raise options.wrong_usage("name one event, or say --all")
    core, owner = _tenant_or_all(run)
    if event_id is not None:
        return run.show(rows.event(events.replay(core, owner, event_id, acts.SYSTEM)), rows.EVENT)
    progress = run.progress(f"Replaying {state} events")
    replayed = events.replay_many(core, owner, acts.SYSTEM, error=error, progress=progress)
    return run.show({"replayed": replayed}, rows.REPLAYED)


@command(event, "discard")
def event_discard(run: Run, event_id: str, reason: str = events.NO_REASON) -> None:
    """Give an event up, for a reason that stays with it."""
    row = events.discard(core_for(run.settings), None, event_id, reason, acts.SYSTEM)
    run.show(rows.event(row), rows.EVENT)


@command(request, "clock")
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


@command(log, "verify", tenant=True)
def audit_verify(run: Run) -> int:
    """Check the logs entry by entry; exit code 1 unless everything holds."""
    core, owner = _tenant_or_all(run)
    found = audit.verify(core, owner, run.counter("Verifying", audit.entry_count(owner)))
    run.show(rows.verification(found), rows.VERIFICATION)
    return 0 if found.ok else 1


@command(log, "checkpoint", tenant=True)
def audit_checkpoint(run: Run) -> None:
    """The signed head of a tenant's log, for whoever wants to hold it against a later one."""
    core, owner = _tenant(run)
    run.show(rows.checkpoint(core, owner), rows.CHECKPOINT)


@command(user, "create", tenant=True)
def user_create(run: Run, email: options.Required, role: str = "member") -> None:
    """Bring a person in; their one-time password is shown only now."""
    core, owner = _tenant(run)
    row, password = users.create(core, owner, email, role)
    run.show(rows.new_user(core, row, role, password), rows.USER | rows.NEW_PASSWORD)


@command(user, "list", tenant=True)
def user_list(run: Run) -> None:
    """A tenant's members, oldest first."""
    core, owner = _tenant(run)
    run.show([rows.user(core, member) for member in users.listing(owner)], rows.USER)


@command(user, "role", tenant=True)
def user_role(run: Run, user: str, role: str) -> None:
    """Give a member (id or e-mail address) another role."""
    core, owner = _tenant(run)
    row = users.set_role(core, owner, users.find(core, owner, user).id, role)
    run.show({"id": row.user_id, "role": row.role}, rows.ROLE)


def _tenant(run: Run) -> tuple[Core, str]:
    """The tenant that ``--tenant`` names, or the only one there is."""
    return core_for(run.settings), upkeep.tenant_or_only(run.tenant).id


def _tenant_or_all(run: Run) -> tuple[Core, str | None]:
    return core_for(run.settings), tenants.find(run.tenant).id if run.tenant else None


def main() -> None:
    """Run the command line."""
    execute(app, upkeep.FAILURES)


if __name__ == "__main__":
    main()
