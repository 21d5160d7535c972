"""The stock command line: ``dramatiq dxflow.actors``.

Dramatiq's workers import the module they are told and take the global broker, or the module's ``broker``. Both
are ours then, and only then: a host application with a broker of its own may import whatever it likes of
dxflow and keeps that broker.
"""

from __future__ import annotations

import sys
from pathlib import Path

import dramatiq

MODULE = __package__
_PROGRAMS = ("dramatiq", "dramatiq-gevent")


def asked_for() -> bool:
    """Whether this process is the ``dramatiq`` command and its broker is to be ours."""
    if not sys.argv or not sys.argv[1:]:
        return False
    program = Path(sys.argv[0])
    if program.name == "__main__.py":  # python -m dramatiq
        program = program.parent
    if program.stem not in _PROGRAMS:
        return False
    from dramatiq.cli import make_argument_parser  # late: nobody else needs it

    words, _ = make_argument_parser().parse_known_args(sys.argv[1:])  # type: ignore[no-untyped-call]  # in dramatiq
    return str(words.broker).partition(":")[0] == MODULE


def make_broker() -> dramatiq.Broker:
    """The broker with every actor declared, as Dramatiq's global one. Ends the process with 1 and one line on
    stderr where it can't be made."""
    from ..config import (
        logging,  # all of these late: whoever imports a part of this package needs none of them
    )
    from ..config.errors import SettingsError, StartError
    from ..config.settings import Settings
    from ..engine.errors import DxflowError
    from .runtime import Engine

    try:
        settings = Settings.load()
        logging.configure(settings)
        if settings.redis_url is None:
            raise SettingsError(
                "DXFLOW_REDIS_URL: unset; the dramatiq command runs several processes, which can't share an "
                "embedded Valkey, so it needs the address of a Redis"
            )
        broker = Engine(settings).prepare()
    except (StartError, DxflowError) as error:
        sys.stderr.write(f"dxflow: {error}\n")
        sys.exit(1)
    dramatiq.set_broker(broker)
    return broker
