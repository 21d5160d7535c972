"""From the wire to a model: JSON bodies and query strings, strictly.

400 for what can't be parsed, 415 for another media type, 422 naming each field that isn't as it must be. No
text here quotes a value: answers end in other people's logs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import falcon
from pydantic import ValidationError

from ...engine import strict_json
from ...engine.errors import Invalid, Malformed
from ..webhooks import read_body
from .values import Optional, Shape

_LONGEST_NAME = 100

Model = TypeVar("Model", bound=Shape)


class Refused(Invalid):
    """Raised when fields aren't as they must be; ``faults`` has one ``{"field", "detail"}`` for each."""

    def __init__(self, faults: Sequence[dict[str, str]]) -> None:
        super().__init__(faults[0]["field"], faults[0]["detail"])
        self.faults = list(faults)


def query(req: falcon.Request, model: type[Model]) -> Model:
    """The query string as ``model``; a parameter left blank counts as absent. Raises Refused."""
    return validated(model, {name: value for name, value in req.params.items() if value != ""})


def body(req: falcon.Request, model: type[Model], limit: int) -> Model:
    """The body as ``model``; none at all is the same as ``{}`` where it may be left out.

    Raises Malformed, TooLarge, HTTPUnsupportedMediaType, Refused.
    """
    raw = read_body(req, limit) if req.content_length or req.get_header("Transfer-Encoding") else b""
    if not raw:
        if not issubclass(model, Optional):
            raise Malformed("a JSON body is needed")
        return model()
    _require_json(req.content_type)
    return validated(model, parse(raw))


def parse(raw: bytes) -> object:
    """RFC 8259 and no more (``strict_json``). Raises Malformed."""
    try:
        return strict_json.loads(raw)
    except UnicodeDecodeError:
        raise Malformed("the body is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise Malformed(
            f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    except RecursionError:
        raise Malformed("the body is nested too deeply") from None
    except ValueError:  # an integer of thousands of digits, NaN, a name twice
        raise Malformed("the body is not JSON that can be read exactly") from None


def _require_json(content_type: str | None) -> None:
    media_type, options = falcon.mediatypes.parse_header(content_type or "")
    charset = options.get("charset", "utf-8").lower()
    if media_type.lower() != "application/json" or charset not in ("utf-8", "utf8"):
        raise falcon.HTTPUnsupportedMediaType(description="send application/json in UTF-8")


def validated(model: type[Model], values: object) -> Model:
    """``values`` as ``model``. Raises Refused."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        raise Refused([_fault(model, fault) for fault in faults]) from None


def _fault(model: type[Shape], fault: Mapping[str, Any]) -> dict[str, str]:
    field = ".".join(str(part) for part in fault["loc"])[:_LONGEST_NAME] or "body"
    detail = str(fault["msg"]).removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        detail = "unknown"
        if len(fault["loc"]) == 1:
            detail += f"; allowed are {', '.join(_names(model))}" if _names(model) else "; none is allowed"
    return {"field": field, "detail": detail}


def _names(model: type[Shape]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]
