"""The statutory regimes as data: what each asks for, how it counts, and the text that says so.

Nothing here computes. ``clock.py`` reads these rows; a change of the law is a change of a row. Every ``Rule``
is a sentence for people with the citation that carries it.

Choices where the texts leave room (the earlier date is taken, because it is never too late):

- GDPR and UK GDPR name no date for acknowledging, so ``acknowledge`` is a ``Rule``, not a ``Period``.
- GDPR's text knows no stopped clock. The EDPB (Guidelines 01/2022) tolerates a suspension while the
  controller waits for an identity or a clarification; this engine doesn't rely on it.
- The UK's Art. 12A is in force since 5 February 2026; requests from before it count the same way, because the
  ICO's guidance had already said so. Its clarification concerns requests for access (Art. 15): whoever passes
  a hold says that it was such a wait.
- California's calendar days aren't moved off a weekend, although Cal. Civ. Code §§10, 11 may allow it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

_EEA_CODES = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK EL"
EEA = frozenset(_EEA_CODES.split())
"""ISO 3166 codes of the EU's member states, Iceland, Liechtenstein and Norway; EL is the Union's GR."""


class Unit(StrEnum):
    """What a period is counted in."""

    MONTHS = "months"
    CALENDAR_DAYS = "calendar_days"
    BUSINESS_DAYS = "business_days"


@dataclass(frozen=True, slots=True)
class Rule:
    """One sentence of law in plain words, and where it stands."""

    why: str
    citation: str


@dataclass(frozen=True, slots=True)
class Period:
    """So many units after the day the clock starts, that day not counted."""

    count: int
    unit: Unit
    rule: Rule


@dataclass(frozen=True, slots=True)
class Extension:
    """The longer period that replaces the first one when its notice is given within the first one."""

    total: Period
    notice: Rule


@dataclass(frozen=True, slots=True)
class Regime:
    """One statutory clock.

    ``acknowledge`` is a Rule where there is no date to keep. ``calendars`` maps the countries whose public
    holidays may be asked for to the calendar used; ``regions`` are those whose subdivisions may be asked for
    (DE-BY). ``calendar`` serves where no country is given; None where no rule looks at working days.
    """

    name: str
    receipt: Rule
    acknowledge: Period | Rule
    respond: Period
    extension: Extension | None
    verification: Rule
    starts_when_verified: bool
    hold: Rule
    stops_on_hold: bool
    roll: Rule | None
    calendar: str | None
    calendars: Mapping[str, str]
    regions: frozenset[str]


_COUNTING = "Regulation (EEC, Euratom) No 1182/71, Art. 3(1) and 3(2)(c)"
_ROLL = "Regulation (EEC, Euratom) No 1182/71, Art. 3(4)"
_MONTH_END = (
    "The day the clock starts isn't counted; the period ends on the same day number, or on the month's last "
    "day where that number doesn't occur."
)

GDPR = Regime(
    name="gdpr",
    receipt=Rule(
        "Receipt starts the clock; the day of receipt itself isn't counted.", f"GDPR Art. 12(3); {_COUNTING}"
    ),
    acknowledge=Rule("The GDPR sets no date for acknowledging: act without undue delay.", "GDPR Art. 12(3)"),
    respond=Period(
        1,
        Unit.MONTHS,
        Rule(f"One calendar month from receipt. {_MONTH_END}", f"GDPR Art. 12(3); {_COUNTING}"),
    ),
    extension=Extension(
        Period(
            3,
            Unit.MONTHS,
            Rule(
                f"Extended by two months, three months from receipt in total. {_MONTH_END}",
                f"GDPR Art. 12(3); {_COUNTING}",
            ),
        ),
        Rule("The person is told of the extension and its reasons within month one.", "GDPR Art. 12(3)"),
    ),
    verification=Rule(
        "Proof of identity does not move the start: the month runs from receipt.", "GDPR Art. 12(3) and 12(6)"
    ),
    starts_when_verified=False,
    hold=Rule(
        "Waiting for the person does not stop the clock: the Regulation's text knows no suspension, and the "
        "earlier date is the safe one.",
        "GDPR Art. 12(3)",
    ),
    stops_on_hold=False,
    roll=Rule("A last day on a public holiday, Sunday or Saturday moves to the next working day.", _ROLL),
    calendar="EU",
    calendars=MappingProxyType({"EU": "EU", **{code: code for code in sorted(EEA)}, "EL": "GR"}),
    regions=EEA - {"EL"},
)

_ARTICLE_12A = "UK GDPR Art. 12A (Data (Use and Access) Act 2025, s. 76)"
_UK_COUNTING = f"{_ARTICLE_12A}; {_COUNTING} as assimilated"

UK_GDPR = Regime(
    name="uk_gdpr",
    receipt=Rule(
        "The clock starts with receipt, or with the proof of identity or the fee that was asked for, "
        "whichever is latest; that day itself isn't counted.",
        _UK_COUNTING,
    ),
    acknowledge=Rule(
        "UK GDPR sets no date for acknowledging: act without undue delay.", "UK GDPR Art. 12(3)"
    ),
    respond=Period(1, Unit.MONTHS, Rule(f"One calendar month from the start. {_MONTH_END}", _UK_COUNTING)),
    extension=Extension(
        Period(
            3,
            Unit.MONTHS,
            Rule(f"Extended by two months, three months from the start in total. {_MONTH_END}", _UK_COUNTING),
        ),
        Rule("The person is told of the extension and its reasons within month one.", _ARTICLE_12A),
    ),
    verification=Rule("The clock starts when the identity that was asked for is proven.", _ARTICLE_12A),
    starts_when_verified=True,
    hold=Rule(
        "The clock stops while a clarification is awaited: neither the day it is asked for, nor the day it "
        "arrives, nor a day between them counts.",
        _ARTICLE_12A,
    ),
    stops_on_hold=True,
    roll=Rule(
        "A last day on a public holiday, Sunday or Saturday moves to the next working day.",
        f"{_ROLL} as assimilated; ICO, Right of access",
    ),
    calendar="GB-ENG",
    calendars=MappingProxyType({"GB": "GB-ENG", "UK": "GB-ENG"}),
    regions=frozenset({"GB"}),
)

_CALIFORNIA = MappingProxyType({"US": "US-CA", "US-CA": "US-CA"})
_CALIFORNIAN_RECEIPT = "Receipt starts the clock; the day of receipt itself isn't counted."

CCPA = Regime(
    name="ccpa",
    receipt=Rule(_CALIFORNIAN_RECEIPT, "11 CCR §7021; Cal. Civ. Code §10"),
    acknowledge=Period(
        10,
        Unit.BUSINESS_DAYS,
        Rule(
            "Receipt is confirmed no later than 10 business days after receiving the request.",
            "11 CCR §7021(a)",
        ),
    ),
    respond=Period(
        45,
        Unit.CALENDAR_DAYS,
        Rule(
            "45 calendar days from receipt; a weekend or holiday does not move the last day.",
            "11 CCR §7021(b)",
        ),
    ),
    extension=Extension(
        Period(
            90,
            Unit.CALENDAR_DAYS,
            Rule(
                "Extended by 45 calendar days, 90 from receipt at most; a weekend or holiday does not move "
                "the last day.",
                "11 CCR §7021(b)",
            ),
        ),
        Rule(
            "The consumer is told of the extension and its reason within the first 45 days.",
            "11 CCR §7021(b); Cal. Civ. Code §1798.130(a)(2)(A)",
        ),
    ),
    verification=Rule(
        "The 45 days run from receipt, regardless of the time required to verify the request.",
        "11 CCR §7021(b)",
    ),
    starts_when_verified=False,
    hold=Rule(
        "Waiting for the consumer does not stop the clock: the days run from receipt.", "11 CCR §7021(b)"
    ),
    stops_on_hold=False,
    roll=None,
    calendar="US-CA",
    calendars=_CALIFORNIA,
    regions=frozenset(),
)

_OPT_OUT = "11 CCR §§7026(f), 7027(g)"

CCPA_OPT_OUT = Regime(
    name="ccpa_opt_out",
    receipt=Rule(_CALIFORNIAN_RECEIPT, f"{_OPT_OUT}; Cal. Civ. Code §10"),
    acknowledge=Rule("No separate acknowledgement is asked for: the choice is carried out.", _OPT_OUT),
    respond=Period(
        15,
        Unit.BUSINESS_DAYS,
        Rule("As soon as feasibly possible, and no later than 15 business days from receipt.", _OPT_OUT),
    ),
    extension=None,
    verification=Rule(
        "An opt-out needs no verified request, so verifying does not move the start.", _OPT_OUT
    ),
    starts_when_verified=False,
    hold=Rule("Waiting for the consumer does not stop the clock: the days run from receipt.", _OPT_OUT),
    stops_on_hold=False,
    roll=None,
    calendar="US-CA",
    calendars=_CALIFORNIA,
    regions=frozenset(),
)

_SHOPIFY = "Shopify, Privacy law compliance (mandatory compliance webhooks)"

SHOPIFY = Regime(
    name="shopify",
    receipt=Rule("The compliance webhook's arrival starts the clock; that day isn't counted.", _SHOPIFY),
    acknowledge=Rule("The 200 answer to the webhook confirms receipt; no further date is set.", _SHOPIFY),
    respond=Period(
        30,
        Unit.CALENDAR_DAYS,
        Rule("30 calendar days from receipt; a weekend or holiday does not move the last day.", _SHOPIFY),
    ),
    extension=None,
    verification=Rule("Shopify identifies the customer, so verifying does not move the start.", _SHOPIFY),
    starts_when_verified=False,
    hold=Rule("Waiting does not stop the clock: Shopify's 30 days run from receipt.", _SHOPIFY),
    stops_on_hold=False,
    roll=None,
    calendar=None,
    calendars=MappingProxyType({}),
    regions=frozenset(),
)

REGIMES: Mapping[str, Regime] = MappingProxyType(
    {regime.name: regime for regime in (GDPR, UK_GDPR, CCPA, CCPA_OPT_OUT, SHOPIFY)}
)
"""Every regime by its public name."""
