"""Process logs: structlog on stderr, for people (``console``) or machines (``json``), one line per entry.

The rule: no personal data and no secrets. Callers log ids and counts; the processors here are the second line
of defence, for what libraries log (gunicorn and dramatiq come through the same handler) and for what an
exception quotes. Fields bound with ``structlog.contextvars.bound_contextvars(request_id=…, tenant=…)`` appear
on every entry of that request or message, whoever writes it.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from .settings import Settings

HIDDEN = "***"

_SENSITIVE = re.compile(
    "email|e-mail|phone|secret|password|passwd|authorization|token|cookie|body|query|payload|api_?key", re.I
)
_IN_TEXT = (
    (re.compile(r"[^\s@'\"<>(),;:=/]+@[^\s@'\"<>(),;:=/]+\.\w+"), HIDDEN),  # e-mail addresses
    (re.compile(r"dxk_[\w.~-]+"), HIDDEN),  # API keys, which somebody may put into a path
    (re.compile(r"\+\d[\d ().-]{6,}\d"), HIDDEN),  # international telephone numbers
    (re.compile(r"(://)[^\s/'\"]*@"), rf"\1{HIDDEN}@"),  # user and password of an address
    (
        re.compile(r"(\?)[^\s'\"]+=[^\s'\"]*"),
        rf"\1{HIDDEN}",
    ),  # a query: some platforms keep their secret there
    (
        re.compile(r"(from ip=).*"),
        rf"\1{HIDDEN}",
    ),  # gunicorn on a broken request: client address, header text
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# These log statements with their parameters, and addresses with their queries, at debug level.
_NEVER_DEBUGGED = ("peewee", "urllib3", "gunicorn.access")


def configure(settings: Settings) -> None:
    """Send structlog's and the standard library's records to stderr. A later call replaces an earlier."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,  # plain text: rich tracebacks print local variables
        redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(settings)],
        )
    )
    root = logging.getLogger()
    # Plain stream handlers go (an earlier call's, basicConfig's: they don't redact); a test's own may stay.
    root.handlers[:] = [
        *(other for other in root.handlers if type(other) is not logging.StreamHandler),
        handler,
    ]
    root.setLevel(settings.log_level.upper())
    for name in _NEVER_DEBUGGED:
        logging.getLogger(name).setLevel(logging.INFO)


def adopt() -> None:
    """Inside a program that isn't ours: hand entries, redacted, to the standard library's logging, and leave
    handlers, levels and formats to the host. Does nothing where structlog is configured."""
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.processors.format_exc_info,
            redact,
            structlog.processors.LogfmtRenderer(key_order=["event"]),
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def redact(_logger: Any, _method: str, entry: EventDict) -> EventDict:
    """Blank values under names that look like secrets or personal data, and what looks like them in texts."""
    for name, value in entry.items():
        if name != "exception":
            entry[name] = _cleaned(name, value)
        else:
            entry[name] = _scrubbed(str(value))  # keeps its line breaks
    return entry


def _cleaned(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float) or name.startswith("_"):
        return value
    if _SENSITIVE.search(name):
        return HIDDEN
    if isinstance(value, MutableMapping):
        return {str(key): _cleaned(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_cleaned(name, inner) for inner in value]
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", _scrubbed(str(value)))


def _scrubbed(text: str) -> str:
    for pattern, substitute in _IN_TEXT:
        text = pattern.sub(substitute, text)
    return text


def _renderer(settings: Settings) -> Processor:
    if settings.log_format == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
