"""What a package says around the data, in the desk's six languages: one module each, all of the same keys."""

from __future__ import annotations

from collections.abc import Mapping

from . import de, en, es, fr, it, nl

LANGUAGES: Mapping[str, Mapping[str, str]] = {
    "en": en.WORDS,
    "de": de.WORDS,
    "fr": fr.WORDS,
    "es": es.WORDS,
    "it": it.WORDS,
    "nl": nl.WORDS,
}

_EUROPEAN = (
    "right_rectify",
    "right_erase",
    "right_restrict",
    "right_object",
    "right_port",
    "right_withdraw",
    "right_complain",
)
"""GDPR Art. 15(1)(e) and (f), 20, 7(3)."""
_CALIFORNIAN = ("right_erase", "right_rectify", "right_opt_out", "right_equal")
"""Cal. Civ. Code 1798.105, 1798.106, 1798.120, 1798.121, 1798.125."""


def known(language: str) -> str:
    """The language, or English for one that there are no words in."""
    return language if language in LANGUAGES else "en"


def of(language: str) -> Mapping[str, str]:
    """The words of a language."""
    return LANGUAGES[known(language)]


def rights(regime: str) -> tuple[str, ...]:
    """The keys of the rights that this regime gives."""
    return _CALIFORNIAN if regime.startswith("ccpa") else _EUROPEAN
