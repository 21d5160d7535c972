"""The form's words in six languages, a file each in ``languages/``: the same names and placeholders in all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ...engine.rights.languages import LANGUAGES
from ...engine.rights.regimes import EEA as MEMBERS

_FOLDER = Path(__file__).parent / "languages"

EEA = tuple(sorted(MEMBERS - {"EL"}))
"""By their ISO 3166 codes, which Greece has two of here."""
ELSEWHERE = ("GB", "US-CA", "OTHER")
"""OTHER is the data controller's own jurisdiction."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The words of one language."""

    language: str
    words: Mapping[str, str]

    def __call__(self, text: str, /, **values: object) -> str:
        """A text with its values. Raises KeyError for one that there isn't: that is a defect."""
        return self.words[text].format(**values)

    def day(self, written: str) -> str:
        """``2026-11-30`` in words."""
        day = date.fromisoformat(written)
        return self("date", day=day.day, month=self(f"month.{day.month}"), year=day.year)

    def countries(self) -> list[tuple[str, str]]:
        """Members of the EEA, code and name, as this language sorts them (accents aside)."""
        named = [(code, self(f"where.{code}")) for code in EEA]
        return sorted(named, key=lambda pair: pair[1].translate(_PLAIN).lower())


_PLAIN = str.maketrans("ÄÉÎÍÖÓÚÅäéîíöóúåèç", "AEIIOOUAaeiioouaec")


def read() -> Mapping[str, Texts]:
    """All languages, by their codes."""
    return {
        code: Texts(code, json.loads((_FOLDER / f"{code}.json").read_text(encoding="utf-8")))
        for code in LANGUAGES
    }
