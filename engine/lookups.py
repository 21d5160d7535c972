"""What somebody asks for by its id: the row, or NotFound.

An id that can't be one is answered as an id that nobody has: whoever asks learns nothing from the difference.
"""

from __future__ import annotations

from typing import TypeVar

from .errors import Invalid, NotFound
from .identity import did

T = TypeVar("T")


def identifier(text: str, missing: str) -> str:
    """A UUID in its one spelling (``did.canonical``). Raises NotFound, saying ``missing``, for what is none."""
    try:
        return did.canonical(text)
    except Invalid:
        raise NotFound(missing) from None


def there(row: T | None, missing: str) -> T:
    """The row that was looked for. Raises NotFound, saying ``missing``, where there is none."""
    if row is None:
        raise NotFound(missing)
    return row
