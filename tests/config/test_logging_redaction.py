from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from dxflow.config.logging import adopt, configure
from dxflow.config.settings import Settings

Entries = Callable[[], list[dict[str, Any]]]
Configured = Callable[..., io.StringIO]


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[Configured]:
    """Configures with the given settings and returns what stands in for stderr, the same each time."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = []
    stream = io.StringIO()

    def configure_with(**settings: str) -> io.StringIO:
        monkeypatch.setattr(sys, "stderr", stream)
        configure(Settings.load(**settings))
        return stream

    yield configure_with
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
def entries(configured: Configured) -> Entries:
    stderr = configured(log_format="json", log_level="debug")
    return lambda: [json.loads(line) for line in stderr.getvalue().splitlines()]


def test_every_entry_is_one_json_document_with_time_level_and_logger(entries: Entries) -> None:
    structlog.get_logger("dxflow.engine").info("step done", attempts=3)
    logging.getLogger("dramatiq.worker").warning("from a library: %d", 7)

    first, second = entries()

    assert (first["event"], first["attempts"], first["level"], first["logger"]) == (
        "step done", 3, "info", "dxflow.engine",
    )  # fmt: skip
    assert first["timestamp"].endswith("Z")
    assert (second["event"], second["level"], second["logger"]) == (
        "from a library: 7", "warning", "dramatiq.worker",
    )  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        "email", "customer_email", "phone", "secret", "webhook_secret", "password", "Authorization",
        "api_key", "token", "access_tokens", "cookie", "Set-Cookie", "body", "query", "payload",
    ],
)  # fmt: skip
def test_fields_named_like_secrets_or_personal_data_are_blanked(entries: Entries, name: str) -> None:
    log = structlog.get_logger("dxflow")
    log.info("flat", **{name: "canary"})
    log.info("nested", headers={name: "canary", "Via": "proxy"})
    log.info("deep", rows=[{name: ["canary"]}])
    logging.getLogger("library").info("extra", extra={name: "canary"})

    assert "canary" not in json.dumps(entries())
    assert entries()[1]["headers"]["Via"] == "proxy"


def test_counts_keep_their_values_whatever_their_name(entries: Entries) -> None:
    structlog.get_logger("dxflow").info("sizes", body_bytes=1024, tokens=0, email=None)

    assert {"body_bytes": 1024, "tokens": 0, "email": None}.items() <= entries()[0].items()


@pytest.mark.parametrize(
    ("text", "canary"),
    [
        ("no row for jo.canary@shop.example", "canary"),
        ("call +49 30 1234567 now", "1234567"),
        ("can't reach postgresql://user:canary@host/name", "canary"),
        ("Error handling request POST /webhooks/mailchimp/8f?secret=canary&list=1", "canary"),
        ("Invalid request from ip=203.0.113.9: Invalid HTTP Header: 'canary'", "canary"),
        ("Invalid request from ip=203.0.113.9: no", "203.0.113.9"),
    ],
)
def test_personal_data_and_secrets_in_texts_are_blanked(entries: Entries, text: str, canary: str) -> None:
    structlog.get_logger("dxflow").error(text)
    logging.getLogger("gunicorn.error").error("%s", text)
    try:
        raise ValueError(text)
    except ValueError:
        structlog.get_logger("dxflow").exception("failed")

    logged = entries()
    assert len(logged) == 3
    assert "ValueError" in logged[2]["exception"]
    assert canary not in json.dumps([entry | {"exception": _last_line(entry)} for entry in logged])


def _last_line(entry: dict[str, Any]) -> str:
    """The exception's text; the lines above it quote this file."""
    return str(entry.get("exception", "")).splitlines()[-1] if "exception" in entry else ""


def test_a_line_break_or_an_escape_in_a_value_cannot_forge_an_entry(configured: Configured) -> None:
    stderr = configured(log_format="console")
    logging.getLogger("gunicorn.error").error("first\n2026-01-01 forged \x1b[2J")

    assert stderr.getvalue().count("\n") == 1
    assert "\x1b" not in stderr.getvalue()


def test_what_is_bound_to_a_request_stands_on_every_entry_of_it(entries: Entries) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r-1", tenant="did:dep:00"):
        structlog.get_logger("dxflow").info("inside")
        logging.getLogger("library").info("inside too")
    structlog.get_logger("dxflow").info("outside")

    inside, too, outside = entries()
    assert inside["request_id"] == too["request_id"] == "r-1"
    assert inside["tenant"] == "did:dep:00"
    assert "request_id" not in outside


def test_statements_with_their_parameters_are_never_logged(entries: Entries) -> None:
    logging.getLogger("peewee").debug(("SELECT", ["canary"]))

    assert entries() == []


def test_entries_below_the_level_are_dropped(configured: Configured) -> None:
    stderr = configured(log_level="warning")
    structlog.get_logger("dxflow").info("quiet")
    logging.getLogger("library").info("quiet")

    assert stderr.getvalue() == ""


def test_configuring_twice_does_not_double_the_entries(configured: Configured) -> None:
    configured(log_format="console")
    stderr = configured(log_format="json")
    structlog.get_logger("dxflow").info("once")

    assert json.loads(stderr.getvalue())["event"] == "once"


def test_a_traceback_does_not_print_local_variables(configured: Configured) -> None:
    stderr = configured(log_format="console")
    held = "can" + "ary"
    try:
        raise ValueError(len(held))
    except ValueError:
        structlog.get_logger("dxflow").exception("failed")

    assert "ValueError: 6" in stderr.getvalue()
    assert "canary" not in stderr.getvalue()


def test_inside_another_program_its_own_logging_decides_and_nothing_personal_gets_there(
    caplog: pytest.LogCaptureFixture,
) -> None:
    structlog.reset_defaults()
    caplog.set_level(logging.WARNING)  # what the other program chose, whatever ran in this process before
    handlers, level = list(logging.getLogger().handlers), logging.getLogger().level
    adopt()
    structlog.get_logger("dxflow.of_the_host").warning("told", email="ada@example.org", count=3)
    structlog.get_logger("dxflow.of_the_host").debug("unwanted")
    assert [record.getMessage() for record in caplog.records] == ["event=told email=*** count=3"]
    assert (logging.getLogger().handlers, logging.getLogger().level) == (handlers, level)


def test_a_program_that_has_set_structlog_up_keeps_it() -> None:
    structlog.configure(processors=[])
    adopt()
    assert structlog.get_config()["processors"] == []
    structlog.reset_defaults()
