"""What can be wrong with a provider, as whoever relies on it sees it."""

from __future__ import annotations

from ..errors import NotAuthentic


class Unproven(NotAuthentic):
    """Raised when a provider's answer doesn't prove who somebody is; ``reason`` is a word or two for the log.

    It never quotes the answer: that is the provider's, and may name people.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"the provider's answer proves nothing: {reason}")
        self.reason = reason
