"""How the command line declares its commands: every setting is a flag, before the command's name or after it.

A command is a function whose first parameter is the ``Run``; its other parameters are its own options, in
Typer's way. ``command`` adds the rest, so that no command can forget it: a flag per setting, made from the
settings' model itself, ``--json`` where there is something to print, and who may run it. Whoever has the
machine and its root key may run everything, as ``system``; with ``--as`` a command is run for a user, who needs
the permission that it takes, and whom the audit log then names.
"""

from __future__ import annotations

import copy
import functools
import inspect
import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import rich.markup
import typer

from . import logging
from .console import Console, Row
from .errors import StartError
from .settings import Settings

# A secret on the command line would stand in the list of processes for everybody to read.
_NO_FLAG = frozenset({"root_key", "agent_token"})
FLAGS = tuple(name for name in Settings.model_fields if name not in _NO_FLAG)
"""Settings that have a flag: ``data_dir`` is ``--data-dir``."""

_JSON = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
OPERATOR = "operator"
"""What a command takes that concerns the installation, which no role at a data controller reaches."""

_AS = Annotated[
    str | None,
    typer.Option("--as", metavar="USER", help="Run it for this member (id or e-mail), with their role."),
]
_TENANT = Annotated[
    str | None, typer.Option("--tenant", help="DID or id; can be left out while there is one tenant.")
]


@dataclass(frozen=True)
class Run:
    """One run of the command line: what every command may be given, and where it writes."""

    flags: Mapping[str, str]
    as_json: bool
    tenant: str | None
    console: Console
    takes: str = OPERATOR
    """The permission that a user needs for this command."""
    actor: str = "system"
    """How audit leaves name whoever runs it."""

    @functools.cached_property
    def settings(self) -> Settings:
        """The settings, read at first use; logs go as they say from then on. Raises SettingsError."""
        settings = Settings.load(**self.flags)
        logging.configure(settings)
        return settings

    def show(self, data: Row | Sequence[Row], columns: Mapping[str, str]) -> None:
        """Print one row or many: ``columns`` of them for people, all of them as JSON."""
        self.console.show(data, as_json=self.as_json, columns=columns)

    def counter(self, title: str, total: int) -> Callable[[int], None]:
        """A bar on stderr; the callable is told how many pieces were done since the last call."""
        tell, done = self.progress(title), 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            tell(done, total)

        return advance

    def progress(self, title: str) -> Callable[[int, int], None]:
        """A bar on stderr; the callable is told (done, of), and the bar ends with the last piece."""
        open_bar, shown = ExitStack(), 0
        advance: Callable[[], None] | None = None

        def tell(done: int, total: int) -> None:
            nonlocal advance, shown
            advance = advance or open_bar.enter_context(self.console.progress(title, total))
            while shown < done:
                advance()
                shown += 1
            if done >= total:
                open_bar.close()

        return tell

    def spelled(self, name: str) -> str:
        """The command line that runs another command in the same way as this one was."""
        program = Path(sys.argv[0])
        is_script = program.suffix == ".py"
        words = [_nearest(sys.executable), _nearest(program)] if is_script else [program.name]
        flags = (word for flag, value in self.flags.items() for word in (_spelled(flag), value))
        return shlex.join([*words, name, *flags])


def _nearest(file: str | Path) -> str:
    """A path as people would type it here."""
    relative = os.path.relpath(file)
    return str(file) if relative.startswith("..") else relative


Command = Callable[..., int | None]
Guard = Callable[[Run, str], Run]
"""Lets a user run a command: the same run with their data controller and as their act, or it raises."""

RULES: dict[str, str] = {}
"""What every command takes, by its name as it is typed: ``event replay``."""


@dataclass(frozen=True)
class _Root:
    """What the program itself was given."""

    flags: Mapping[str, str]
    guard: Guard


def command(
    group: typer.Typer,
    name: str,
    *,
    takes: str,
    prints: bool = True,
    tenant: bool = False,
    runs: bool = False,
) -> Callable[[Command], Command]:
    """Declare a command, which returns its exit code, or None for 0.

    ``takes`` is the permission that a user needs for it, or ``OPERATOR``: those that a user may run are about a
    ``tenant``. One that ``runs`` a server lists the settings in its help; all others take them without a word,
    because a page of them would hide the command's own options.
    """

    if not takes or (takes != OPERATOR and not tenant):
        raise ValueError(f"{name}: a command takes a permission at a tenant, or {OPERATOR}")
    RULES[_typed(group, name)] = takes

    def declare(function: Command) -> Command:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        common = [_parameter("tenant_name", _TENANT, None)] if tenant else []
        common += [_parameter("for_user", _AS, None)] if takes != OPERATOR else []
        common += [_parameter("as_json", _JSON, False)] if prints else []

        @functools.wraps(function)
        def run(context: typer.Context, **given: Any) -> None:
            root: _Root = context.find_root().obj
            flags, as_json = {**root.flags, **_taken(given)}, bool(given.pop("as_json", False))
            wish = Run(flags, as_json, given.pop("tenant_name", None), Console(), takes)
            user = given.pop("for_user", None)
            raise typer.Exit(function(wish if user is None else root.guard(wish, user), **given) or 0)

        group.command(name)(_with_parameters(run, [*own, *common, *_flags(hidden=not runs)]))
        return function

    return declare


_within: dict[typer.Typer, typer.Typer] = {}
"""Groups that stand inside another one."""


def group(name: str, title: str, within: typer.Typer | None = None) -> typer.Typer:
    """A group of commands, to be added to the program: ``dxflow NAME COMMAND``; or one inside another group."""
    made = typer.Typer(name=name, help=title, no_args_is_help=True)
    if within is not None:
        within.add_typer(made)
        _within[made] = within
    return made


def _typed(group: typer.Typer | None, name: str) -> str:
    """A command's name as it is typed, with those of its groups."""
    words = [name]
    while group is not None:
        words.insert(0, group.info.name or "")
        group = _within.get(group)
    return " ".join(words).strip()


def program(version: str, guard: Guard) -> typer.Typer:
    """The program itself, which takes the settings' flags too, and ``--version``."""
    made = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)

    def remember(context: typer.Context, **given: Any) -> None:
        context.obj = _Root(_taken(given), guard)

    def tell_version(wanted: bool) -> None:
        if wanted:
            typer.echo(version)
            raise typer.Exit

    asked = Annotated[
        bool, typer.Option("--version", callback=tell_version, is_eager=True, help="Print the version.")
    ]
    own = [_parameter("version", asked, False), *_flags(hidden=False)]
    made.callback(help="Turn every change of personal data into provable compliance.")(
        _with_parameters(remember, own)
    )
    return made


def _narrowed(made: typer.Typer, words: Sequence[str]) -> typer.Typer:
    """The program with the commands that these words can mean: to declare all hundred takes a quarter of a
    second. Whole where the words name none, for its help and for what it says of an unknown one."""
    groups = [
        one for one in made.registered_groups if one.typer_instance and one.typer_instance.info.name in words
    ]
    commands = [one for one in made.registered_commands if one.name in words]
    if not groups and not commands:
        return made
    narrow = copy.copy(made)
    narrow.registered_groups, narrow.registered_commands = groups, commands
    return narrow


def execute(made: typer.Typer, expected: tuple[type[Exception], ...]) -> None:
    """Run the program, and end the process. ``expected`` errors say in one line what is wrong; others are
    defects and show where they happened."""
    faults: tuple[type[Exception], ...] = (StartError, *expected)
    try:
        _narrowed(made, sys.argv[1:])()
    except faults as error:
        Console().fail(str(error) or type(error).__name__)
    except OSError as error:
        Console().fail(": ".join(str(part) for part in (error.filename, error.strerror or error) if part))


def _taken(given: dict[str, Any]) -> dict[str, str]:
    """Take the settings' flags out of what Typer parsed, and keep those that were there."""
    found = {name: given.pop(name) for name in FLAGS}
    given.pop("version", None)
    return {name: value for name, value in found.items() if value is not None}


@functools.cache  # a hundred commands take the same thirty
def _flags(*, hidden: bool) -> tuple[inspect.Parameter, ...]:
    return tuple(_parameter(name, _flag(name, hidden), None) for name in FLAGS)


def _flag(name: str, hidden: bool) -> Any:
    option = typer.Option(
        _spelled(name),
        metavar="VALUE",
        help=rich.markup.escape(str(Settings.model_fields[name].description)),
        rich_help_panel="Settings, also as DXFLOW_… in the environment",
        show_default=False,
        hidden=hidden,
    )
    return Annotated[str | None, option]


def _spelled(flag: str) -> str:
    return f"--{flag.replace('_', '-')}"


def _parameter(name: str, annotation: Any, default: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _with_parameters(function: Command, parameters: Sequence[inspect.Parameter]) -> Command:
    """Give a function the signature by which Typer shall parse: the context, then these."""
    keywords = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters]
    context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    signature = inspect.Signature([context, *keywords])
    function.__signature__ = signature  # type: ignore[attr-defined]  # inspect's own hook, unknown to types
    function.__annotations__ = {name: each.annotation for name, each in signature.parameters.items()}
    return function
