"""Whatever comes, each parser answers: the harness that ``make fuzz`` gives a million inputs, for seconds."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))  # the harness is run as a program, too

from mutations import bent
from parsers import Parser, parsers
from web import Web


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Parser]]:
    web = Web(tmp_path_factory.mktemp("web"))
    yield parsers(web)
    web.core.store.close()


def test_each_parser_takes_what_it_is_meant_for(found: Mapping[str, Parser]) -> None:
    errors = {error.__name__ for parser in found.values() for error in parser.answers}
    for name, parser in found.items():
        outcomes = {parser.outcome(sample) for sample in parser.samples}
        assert name in NEVER_TAKEN or outcomes - errors - {"Refused"}, f"{name}: {outcomes}"


NEVER_TAKEN = {"dx-agent: signature", "mandrill: body"}
"""A signature holds for seconds and for one body; no workflow reads what Mandrill sends."""


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), raw=st.binary(max_size=300))
def test_each_parser_answers_whatever_comes(found: Mapping[str, Parser], seed: int, raw: bytes) -> None:
    chance = random.Random(seed)
    for parser in found.values():
        parser.outcome(raw)
        for _ in range(5):
            parser.outcome(bent(chance, parser.samples))


def test_a_parser_that_raises_what_it_must_not_is_found() -> None:
    broken = Parser(lambda raw: raw[1], (ValueError,), (b"",))
    with pytest.raises(IndexError):
        broken.outcome(b"")


def test_the_program_gives_every_parser_its_share(found: Mapping[str, Parser]) -> None:
    command = [sys.executable, str(Path(__file__).with_name("run.py")), "--engine", "seeded", "--inputs", "1"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert all(f"{name:24} {1:>8} inputs" in ended.stdout for name in found), ended.stdout
