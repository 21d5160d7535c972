"""How a wrong setting is told: one line, the setting's name first, and never a secret.

``DXFLOW_PORT: '70000' should be less than or equal to 65535 (allowed: a whole number from 1 to 65535)``
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

from .addresses import masked
from .errors import SettingsError

PREFIX = "DXFLOW_"
_LONGEST_SHOWN = 60
# Their values are never shown, in part or whole: a key, or addresses that carry keys in their paths.
_HIDDEN = frozenset(
    {"root_key", "agent_token", "agent_url", "chain_url", "chain_key", "key_service_url", "key_service_token"}
)


def refuse_unknown(fields: Mapping[str, FieldInfo], overrides: Iterable[str]) -> None:
    """Raise SettingsError for a ``DXFLOW_*`` name or a flag that is no setting: a slip must not pass."""
    known = [field.upper() for field in fields]
    for name in [*_named_outside(), *(PREFIX + flag for flag in overrides)]:
        bare = name.upper().removeprefix(PREFIX)
        if bare not in known:
            near = difflib.get_close_matches(bare, known, n=1)
            hint = f"did you mean {PREFIX}{near[0]}?" if near else f"there are {', '.join(known)}"
            raise SettingsError(f"{PREFIX}{bare}: there is no such setting ({hint})")


def refuse_blank_key() -> None:
    """Raise SettingsError for an empty DXFLOW_ROOT_KEY.

    Other empty settings count as unset, but here that would quietly make a new key.
    """
    for name, value in (_dotenv() | dict(os.environ)).items():
        if name.upper() == f"{PREFIX}ROOT_KEY" and not (value or "").strip():
            raise SettingsError(f"{PREFIX}ROOT_KEY: is empty (allowed: 32 bytes in base64, or unset)")


def refused(
    error: ValidationError, fields: Mapping[str, FieldInfo], given: Mapping[str, Any]
) -> SettingsError:
    """The line for the first fault that pydantic found, and how many more there are."""
    first, *more = error.errors(include_context=False, include_url=False)
    field = str(first["loc"][0])
    fault = _fault(first["type"], first["msg"])
    shown = _shown(field, given[field] if field in given else _outside(field))
    others = f"; {len(more)} more to mend" if more else ""
    allowed = f"allowed: {fields[field].description}{others}"
    return SettingsError(f"{PREFIX}{field.upper()}: {shown}{fault} ({allowed})")


def _fault(kind: str, message: str) -> str:
    if kind == "string_pattern_mismatch":
        return "not of the allowed form"
    return message.removeprefix("Value error, ").removeprefix("Input ")


def _shown(field: str, value: object) -> str:
    """The refused value in quotes on one line, shortened, or nothing where it may be secret."""
    if value is None or field in _HIDDEN or isinstance(value, SecretStr):
        return ""
    text = repr(masked(str(value)) if field.endswith(("_url", "_urls")) else str(value))
    return (text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…'") + ": "


def _named_outside() -> list[str]:
    return sorted(name for name in {*os.environ, *_dotenv()} if name.upper().startswith(PREFIX))


def _outside(field: str) -> str | None:
    values = {name.upper(): value for name, value in (_dotenv() | dict(os.environ)).items()}
    return values.get(f"{PREFIX}{field.upper()}")


def _dotenv() -> dict[str, str | None]:
    """What ``.env`` in the working directory says. Raises SettingsError when it can't be read."""
    if not Path(".env").is_file():
        return {}
    try:
        return dict(dotenv_values(".env", encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f".env: can't be read ({type(error).__name__})") from None
