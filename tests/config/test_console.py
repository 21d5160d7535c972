from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from dxflow.config.console import Console, ago

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ROWS = [
    {
        "id": "919108f7-52d1-4320-9bac-f847db4148a8",
        "name": "Bücher & Co",
        "at": NOW - timedelta(minutes=3),
        "ok": True,
    },
    {"id": "2", "name": "[red]sold[/red]\x1b[2J", "at": None, "ok": False, "hidden": ["a"]},
]
COLUMNS = {"id": "ID", "name": "Name", "at": "Made", "ok": "Fine"}


def test_json_is_one_document_on_stdout_with_every_key(capsys: pytest.CaptureFixture[str]) -> None:
    Console().show(ROWS, as_json=True, columns=COLUMNS)

    shown = capsys.readouterr()
    document = json.loads(shown.out)
    assert document[0]["at"] == "2026-11-23T11:57:00.000Z"
    assert document[0]["name"] == "Bücher & Co"
    assert document[1]["hidden"] == ["a"]
    assert shown.err == ""


def test_json_of_an_unknown_kind_of_value_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TypeError, match="object has no JSON form"):
        Console().show({"a": object()}, as_json=True, columns={})
    assert capsys.readouterr().out == ""


def test_a_table_has_headings_words_and_whole_ids(capsys: pytest.CaptureFixture[str]) -> None:
    Console(now=lambda: NOW).show(ROWS, as_json=False, columns=COLUMNS)

    heading, first, second = capsys.readouterr().out.splitlines()
    assert heading.split() == ["ID", "Name", "Made", "Fine"]
    assert "919108f7-52d1-4320-9bac-f847db4148a8" in first
    assert "3 minutes ago" in first
    assert first.rstrip().endswith("yes")
    assert second.split()[-2:] == ["-", "no"]


def test_a_table_in_a_pipe_is_not_cut_to_the_width_of_a_screen(capsys: pytest.CaptureFixture[str]) -> None:
    address = "https://dx.example/webhooks/" + "x" * 300
    Console().show([{"url": address}], as_json=False, columns={"url": "Address"})

    assert address in capsys.readouterr().out


def test_markup_and_control_characters_in_data_are_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    Console(now=lambda: NOW).show(ROWS, as_json=False, columns=COLUMNS)

    out = capsys.readouterr().out
    assert "[red]sold[/red][2J" in out
    assert "\x1b" not in out


def test_one_row_is_a_sheet_of_headings_and_values(capsys: pytest.CaptureFixture[str]) -> None:
    Console(now=lambda: NOW).show(ROWS[0], as_json=False, columns={"name": "Name", "at": "Made"})

    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert [(heading, value.strip()) for heading, value in lines] == [
        ("Name", "Bücher & Co"),
        ("Made", "3 minutes ago"),
    ]


def test_a_failure_is_one_line_on_stderr_and_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        Console().fail("no such\ntenant " + "x" * 200)

    shown = capsys.readouterr()
    assert caught.value.code == 1
    assert shown.err == f"dxflow: no such tenant {'x' * 200}\n"
    assert shown.out == ""


def test_progress_is_silent_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Console().progress("Sending", total=2) as advance:
        advance()
        advance()

    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.strip() == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "just now"),
        (59.9, "just now"),
        (60, "1 minute ago"),
        (179, "2 minutes ago"),
        (3_600, "1 hour ago"),
        (86_399, "23 hours ago"),
        (86_400, "1 day ago"),
        (40 * 86_400, "1 month ago"),
        (800 * 86_400, "2 years ago"),
        (-5, "in a moment"),
        (-60, "in 1 minute"),
        (-172_800, "in 2 days"),
    ],
)
def test_a_moment_in_words(seconds: float, words: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == words


def test_in_a_pipe_no_line_ends_in_spaces(capsys: pytest.CaptureFixture[str]) -> None:
    for data in ([*ROWS, {"id": "3", "ok": None}], {"id": "first\nsecond", "name": "a much longer line"}):
        Console(lambda: NOW).show(data, as_json=False, columns=COLUMNS)
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if line != line.rstrip()] == []
    assert out.endswith("\n")
    assert not out.endswith("\n\n")


def test_a_document_is_written_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    Console().write("a line\n\n  [red]another[/red]")
    assert capsys.readouterr().out == "a line\n\n  [red]another[/red]\n"
