"""What a letter probably asks for, by words that people use: a suggestion to its reader, never a decision.

A type is suggested only where one alone fits, in the subject or else in the text. Negations aren't understood,
and an unclear letter is ``other``: its clock runs all the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .languages import LANGUAGES
from .types import RequestType

READ = 4_000
"""Characters of a text that are looked at: what somebody wants stands at its beginning."""

_WORDS: Mapping[RequestType, Mapping[str, str]] = {
    RequestType.ERASURE: {
        "en": r"(delet\w*|eras\w+|remov\w+) .{0,40}(data|account|information|profile|records)"
        r"|(delete|erase) me\b|right to be forgotten|right to erasure|close my account",
        "de": r"(lösch\w*|entfern\w*) .{0,40}(daten|konto|account)|(daten|konto)\w* .{0,60}(lösch|entfern)"
        r"|datenlöschung|recht auf vergessen",
        "fr": r"(supprim\w+|effac\w+) .{0,40}(données|compte)|droit à l['’](oubli|effacement)",
        "es": r"(suprim\w+|elimin\w+|borr\w+|supresión) .{0,40}(datos|cuenta)|derecho (al olvido|de supresión)",
        "it": r"(cancell\w+|elimin\w+|rimuov\w+) .{0,40}(dati|account)|diritto all['’]oblio",
        "nl": r"(verwijder\w*|wis\w*) .{0,40}(gegevens|account)|(gegevens|account) .{0,40}(verwijder|wissen)"
        r"|recht op vergetelheid",
    },
    RequestType.ACCESS: {
        "en": r"(subject )?access request|\bdsar\b|copy of (all )?(of )?(my|the) (personal )?(data|information)"
        r"|what (personal )?(data|information) (do )?you (have|hold|store)|right (of access|to know)",
        "de": r"auskunft|kopie .{0,30}daten|welche daten",
        "fr": r"(droit|demande) d['’]accès|copie de .{0,30}données|quelles données",
        "es": r"(derecho|solicitud) de acceso|copia de .{0,30}datos|qué datos",
        "it": r"(diritto|richiesta) di accesso|copia de\w* .{0,30}dati|quali dati",
        "nl": r"inzage\w*|kopie van .{0,30}gegevens|welke gegevens",
    },
    RequestType.RECTIFICATION: {
        "en": r"(correct\w*|rectif\w+|chang\w+|updat\w+) .{0,20}my (personal |e-?mail |postal )?"
        r"(data|details|address|name|information)",
        "de": r"(berichtig\w*|korrigier\w*|korrektur) .{0,40}(daten|adresse|anschrift|name)|datenberichtigung",
        "fr": r"(rectif\w+|corrig\w+) .{0,40}(données|adresse|nom)",
        "es": r"(rectific\w+|correg\w+) .{0,40}(datos|dirección|nombre)",
        "it": r"(rettific\w+|corregg\w+) .{0,40}(dati|indirizzo|nome)",
        "nl": r"(corrig\w+|rectific\w+|verbeter\w+) .{0,40}(gegevens|adres|naam)",
    },
    RequestType.PORTABILITY: {
        "en": r"portab\w+|machine[- ]readable|transfer my data",
        "de": r"(daten)?übertragbarkeit|maschinenlesbar",
        "fr": r"portabilité",
        "es": r"portabilidad",
        "it": r"portabilità",
        "nl": r"overdraagbaarheid|dataportabiliteit",
    },
    RequestType.RESTRICTION: {
        "en": r"restrict\w* .{0,30}processing",
        "de": r"einschränkung der verarbeitung|verarbeitung .{0,30}einschränk",
        "fr": r"limitation d\w+ .{0,10}traitement",
        "es": r"limitación del tratamiento",
        "it": r"limitazione del trattamento",
        "nl": r"beperking van de verwerking",
    },
    RequestType.OBJECTION: {
        "en": r"object to (the |any |your )?(processing|use|direct marketing|profiling)|right to object",
        "de": r"widersprech\w+|widerspruch",
        "fr": r"droit d['’]opposition|m['’]oppose",
        "es": r"derecho de oposición|me opongo",
        "it": r"diritto di opposizione|mi oppongo",
        "nl": r"recht van bezwaar|maak .{0,20}bezwaar",
    },
    RequestType.SALE_OPT_OUT: {
        "en": r"(do not|don['’]t|stop) (sell|shar)\w*|opt[- ]?out of (the )?(sale|sharing)",
    },
    RequestType.CONSENT_WITHDRAWAL: {
        "en": r"withdraw\w* .{0,20}consent|unsubscribe",
        "de": r"(einwilligung|zustimmung) .{0,30}widerruf|widerruf\w* .{0,30}(einwilligung|zustimmung)"
        r"|newsletter .{0,20}abbestell",
        "fr": r"retir\w+ .{0,20}consentement|désabonn\w+",
        "es": r"retir\w+ .{0,20}consentimiento|darme de baja",
        "it": r"revoc\w+ .{0,20}consenso|disiscriv\w+",
        "nl": r"toestemming .{0,20}intrek|intrek\w* .{0,20}toestemming|afmelden",
    },
}

_PATTERNS = [
    (type, language, re.compile(pattern, re.IGNORECASE))
    for type, words in _WORDS.items()
    for language, pattern in words.items()
]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """``type`` is OTHER, and ``sure`` unset, where nothing or more than one thing fits."""

    type: RequestType
    language: str
    sure: bool


def suggest(subject: str, text: str) -> Suggestion:
    """The type that the words of a letter fit, and the language they are in."""
    language = LANGUAGES[0]
    for part in (subject, text[:READ]):
        found = _found(" ".join(part.split()))
        languages = [spoken for spoken in LANGUAGES if any(one == spoken for _, one in found)]
        language = languages[0] if languages else language
        types = {type for type, _ in found}
        if len(types) == 1:
            return Suggestion(types.pop(), language, True)
        if types:
            break
    return Suggestion(RequestType.OTHER, language, False)


def _found(text: str) -> list[tuple[RequestType, str]]:
    return [(type, language) for type, language, pattern in _PATTERNS if pattern.search(text)]
