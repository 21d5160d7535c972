"""Settings on the command line: before a command or after it, and what is said when they are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import Home

import dxflow


def test_a_wrong_setting_in_the_environment_is_one_line_that_names_it(home: Home) -> None:
    for words in (("serve",), ("tenant", "list"), ("migrate",), ("demo",)):
        home.run(*words, port="abc").refused("DXFLOW_PORT: 'abc'")


def test_the_program_itself_answers_as_its_forked_twin_does(home: Home) -> None:
    made = home.start("tenant", "create", "--name", "Acme Shop", "--json")
    assert (made.code, made.err) == (0, "")
    assert made.document["name"] == "Acme Shop"
    home.start("tenant", "show", "nobody").refused("no tenant 'nobody'")
    home.start("tenant", "bake").misused("bake")
    home.start("tenant", "list", port="abc").refused("DXFLOW_PORT: 'abc'")


def test_an_unknown_setting_is_refused_with_what_may_be_meant(home: Home) -> None:
    home.run("tenant", "list", prot="8000").refused("did you mean DXFLOW_PORT?")


def test_a_wrong_address_never_shows_its_password(home: Home) -> None:
    ended = home.run("tenant", "list", database_url="mysql://ada:canary@db/x")
    ended.refused("DXFLOW_DATABASE_URL")
    assert "canary" not in ended.err


def test_a_setting_is_taken_before_the_command_and_after_it(home: Home, tmp_path: Path) -> None:
    home.run("--data-dir", str(tmp_path / "before"), "tenant", "create", "--name", "A")
    home.run("tenant", "create", "--name", "B", "--data-dir", str(tmp_path / "after"))
    assert (tmp_path / "before" / "dxflow.db").exists()
    assert (tmp_path / "after" / "dxflow.db").exists()
    assert not home.directory.exists()


def test_the_flag_after_the_command_wins(home: Home) -> None:
    home.run("--port", "1", "tenant", "list", "--port", "abc").refused("'abc'")


def test_a_flag_without_its_value_and_an_unknown_one_are_wrong_usage(home: Home) -> None:
    home.run("serve", "--port").misused("--port")
    home.run("serve", "--prot", "1").misused("--prot")
    home.run("servo").misused("servo")


def test_the_root_key_has_no_flag_because_everybody_sees_arguments(home: Home) -> None:
    home.run("serve", "--root-key", "canary").misused("--root-key")


def test_a_data_directory_that_cannot_be_made_is_one_line(home: Home, tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")
    home.run("tenant", "list", "--data-dir", str(tmp_path / "a file" / "data")).refused("a file")


def test_an_unreachable_database_is_one_line_without_its_password(home: Home) -> None:
    ended = home.run("tenant", "list", database_url="postgresql://nobody:canary@127.0.0.1:9/none")
    ended.refused("the database doesn't answer")
    assert "canary" not in ended.err


@pytest.mark.parametrize("words", [(), ("serve",), ("connector", "add"), ("event", "replay")])
def test_every_command_has_help(home: Home, words: tuple[str, ...]) -> None:
    shown = home.run(*words, "--help")
    assert (shown.code, shown.err) == (0, "")
    assert "Usage:" in shown.out


def test_the_help_of_serve_lists_the_settings(home: Home) -> None:
    assert "--data-dir" in home.run("serve", "--help").out


def test_the_version_is_told(home: Home) -> None:
    assert home.run("--version").out == f"{dxflow.__version__}\n"
