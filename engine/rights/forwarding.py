"""The letter inside a forwarded one: how mail programs set the original apart, in the languages we know.

The first such block counts. A block that begins as replies do too (Outlook's, with a line of dashes or with
nothing but its headers) counts only under a subject that says that it was forwarded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice

_FORWARDED = re.compile(
    r"^[ >]*(-{3,}\s*)?("
    r"forwarded message|begin forwarded message|weitergeleitete nachricht|anfang der weitergeleiteten nachricht"
    r"|message transféré|début du message transféré|mensaje reenviado|inicio del mensaje reenviado"
    r"|messaggio inoltrato|inizio messaggio inoltrato|doorgestuurd bericht|begin doorgestuurd bericht"
    r")\s*:?\s*(-{3,})?[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_ORIGINAL = re.compile(
    r"^[ >]*-{3,}\s*(original message|ursprüngliche nachricht|message d['’]origine|mensaje original"
    r"|messaggio originale|oorspronkelijk bericht)\s*-{3,}[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_BARE = re.compile(r"^[ >]*\*?(from|von|de|da|van)\*?\s?:", re.IGNORECASE | re.MULTILINE)
_SUBJECT = re.compile(r"^\s*(fwd?|wg|tr|rv|i|doorst)\s*:", re.IGNORECASE)
_NAMES = {
    "sender": r"from|von|de|da|van",
    "date": r"date|sent|datum|gesendet|envoyé|fecha|enviado|data|inviato|verzonden|date d['’]envoi",
    "subject": r"subject|betreff|objet|asunto|oggetto|onderwerp",
}
_HEADER = re.compile(r"^[ >]*\*?([A-Za-zÀ-ÿ'’ -]{1,24})\*?\s?:\*?\s*(.*)$")
_MOST_HEADERS = 15
_MOST_BARE = 50
"""Lines that begin like a sender's: each is read on from."""


@dataclass(frozen=True, slots=True)
class Original:
    """What the block says of the original, as it stands there, and the original's text."""

    sender: str
    date: str
    subject: str
    text: str


def split(subject: str, text: str) -> Original | None:
    """The original inside a forwarded text; None where there is none."""
    found = _FORWARDED.search(text)
    forwarded = _SUBJECT.match(subject) is not None
    if found is None and forwarded:
        found = _ORIGINAL.search(text)
    if found is None:
        return _bare(text) if forwarded else None
    headers, rest = _headers(text[found.end() :])
    return _original(headers, rest) if "sender" in headers else None


def _bare(text: str) -> Original | None:
    """An original that begins with its headers: who, when and about what, which no sentence is."""
    for found in islice(_BARE.finditer(text), _MOST_BARE):
        headers, rest = _headers(text[found.start() :])
        if set(headers) == set(_NAMES):
            return _original(headers, rest)
    return None


def _original(headers: dict[str, str], rest: str) -> Original:
    return Original(headers["sender"], headers.get("date", ""), headers.get("subject", ""), rest)


def _headers(text: str) -> tuple[dict[str, str], str]:
    """The lines of the block by what they say, and what follows it."""
    lines, headers, taken = text.lstrip("\r\n").split("\n"), dict[str, str](), 0
    for line in lines[:_MOST_HEADERS]:
        match = _HEADER.match(line)
        if match is None and (headers or line.strip(" >\r")):
            break
        taken += 1
        if match is not None:
            for name, words in _NAMES.items():
                if re.fullmatch(words, match[1].strip(), re.IGNORECASE):
                    headers.setdefault(name, match[2].strip())
    return headers, "\n".join(lines[taken:]).strip()
