"""``python tests/fuzzing/run.py --inputs 1000000``: so many inputs in all, shared out among the parsers.

With atheris they are led by what they cover, in a process per parser; without it, or with ``--engine seeded``,
they are samples bent by a seeded generator. Ends with 1 and the input itself when a parser raises what it
mustn't.
"""

from __future__ import annotations

import argparse
import collections
import importlib.util
import logging
import os
import random
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))


def main() -> int:
    """Run what the command line asks for; the exit code."""
    asked = _asked()
    if asked.engine == "atheris" and asked.parser:
        return _led(asked)
    if asked.engine == "atheris":
        return _led_apart(asked)
    return _seeded(asked)


def _asked() -> argparse.Namespace:
    engines = ("atheris", "seeded")
    default = engines[0] if importlib.util.find_spec("atheris") else engines[1]
    command = argparse.ArgumentParser(description=__doc__)
    command.add_argument("--inputs", type=int, default=1_000_000)
    command.add_argument("--seed", type=int, default=1)
    command.add_argument("--engine", choices=engines, default=default)
    command.add_argument("--parser", help="this one alone")
    return command.parse_args()


def _seeded(asked: argparse.Namespace) -> int:
    from mutations import bent

    with _parsers() as found:
        names = [asked.parser] if asked.parser else list(found)
        for name in names:
            chance, seen = random.Random(f"{asked.seed} {name}"), _Seen(name)
            for _ in range(_share(asked.inputs, names)):
                if not seen.take(found[name], bent(chance, found[name].samples)):
                    return 1
            seen.tell()
    return 0


def _led_apart(asked: argparse.Namespace) -> int:
    with _parsers() as found:
        names = list(found)
    for name in names:
        command = [sys.executable, __file__, "--engine", "atheris", "--parser", name]
        shared = ["--inputs", str(_share(asked.inputs, names)), "--seed", str(asked.seed)]
        ended = subprocess.run([*command, *shared], check=False, stderr=subprocess.PIPE, text=True)
        if ended.returncode:
            sys.stderr.write(ended.stderr[-4000:])
            return 1
    return 0


def _led(asked: argparse.Namespace) -> int:
    import atheris
    from mutations import bent

    everybody = ExitStack()
    with atheris.instrument_imports(include=["dxflow"]):
        found = everybody.enter_context(_parsers())
    parser, seen, chance = found[asked.parser], _Seen(asked.parser), random.Random(asked.seed)

    def take(given: bytes) -> None:
        if not seen.take(parser, given):
            os._exit(1)
        if seen.count == asked.inputs:
            seen.tell()
            os._exit(0)  # libFuzzer would end the process without us

    def bend(given: bytes, longest: int, seed: int) -> bytes:
        chance.seed(seed)
        if chance.random() < 0.3:
            return atheris.Mutate(given, longest)
        return bent(chance, (given or b"\0", *parser.samples))[:longest]

    limits = [f"-runs={asked.inputs + 10}", f"-seed={asked.seed}", "-max_len=8192", "-verbosity=0"]
    atheris.Setup([sys.argv[0], *limits], take, custom_mutator=bend)
    atheris.Fuzz()
    return 0


class _Seen:
    """What one parser answered."""

    def __init__(self, name: str) -> None:
        self.name, self.count, self.began = name, 0, time.monotonic()
        self.outcomes: collections.Counter[str] = collections.Counter()

    def take(self, parser, given: bytes) -> bool:  # type: ignore[no-untyped-def]  # its type is imported late
        self.count += 1
        try:
            self.outcomes[parser.outcome(given)] += 1
        except Exception as error:  # noqa: BLE001 - a finding is any
            import traceback

            traceback.print_exception(error)
            print(f"{self.name}: input {self.count} is a finding\n{given!r}", flush=True)
            return False
        return True

    def tell(self) -> None:
        rate = self.count / (time.monotonic() - self.began)
        told = ", ".join(f"{outcome} {count}" for outcome, count in self.outcomes.most_common())
        print(f"{self.name:24} {self.count:>8} inputs {rate:>8.0f}/s  {told}", flush=True)


def _share(inputs: int, names: list[str]) -> int:
    return -(-inputs // len(names))


@contextmanager
def _parsers():  # type: ignore[no-untyped-def]  # its type is imported late, under atheris's instruments
    """All of them, while the block runs. As in every test, who makes them looks at everything."""
    logging.disable(logging.CRITICAL)
    import structlog

    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    from parsers import parsers
    from web import Web

    from dxflow.engine.store import scope

    with scope.everyone("what is fuzzed was made for it"):
        yield parsers(Web())


if __name__ == "__main__":
    sys.exit(main())
