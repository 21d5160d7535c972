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
