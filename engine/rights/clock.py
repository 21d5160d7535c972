"""The statutory clock: from the day a request came to the day the answer is due, each date with its reason.

Pure: no clock, no database, no environment. The law is in ``regimes.py``, working days in ``workdays.py``.

The rule that is easy to get wrong (Regulation 1182/71 Art. 3): the day of receipt isn't counted, a month ends
on the same day number or else on the month's last day, and only then does a last day on a weekend or holiday
move on. Three months are counted from the start, not one month and then two from a day that was already cut.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from ..errors import Invalid, Unfit
from .holds import Hold, checked, merged
from .regimes import REGIMES, Period, Regime, Rule, Unit
from .workdays import (
    FIRST_YEAR,
    LAST_YEAR,
    WEEKEND,
    add_working_days,
    choose_calendar,
    days_off,
    title_of,
    working_day_from,
)

_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ClockStep:
    """One date in words: ``what`` happens or is due, ``why`` on that day, and the ``citation``."""

    date: dt.date
    what: str
    why: str
    citation: str

    def as_json(self) -> dict[str, str]:
        """``{"date": "YYYY-MM-DD", "what", "why", "citation"}``."""
        return {"date": self.date.isoformat(), "what": self.what, "why": self.why, "citation": self.citation}


@dataclass(frozen=True, slots=True)
class ClockResult:
    """``acknowledge_by`` is None where the regime sets no date; ``steps`` are in order of their dates."""

    acknowledge_by: dt.date | None
    due: dt.date
    steps: tuple[ClockStep, ...]

    def as_json(self) -> dict[str, object]:
        """``{"acknowledge_by", "due", "steps": […]}``, dates as ``YYYY-MM-DD``."""
        acknowledge_by = self.acknowledge_by.isoformat() if self.acknowledge_by else None
        steps = [step.as_json() for step in self.steps]
        return {"acknowledge_by": acknowledge_by, "due": self.due.isoformat(), "steps": steps}


@dataclass(frozen=True, slots=True)
class _Run:
    """One request under one regime: ``pauses`` are the holds that stop its clock, merged and in order."""

    law: Regime
    calendar: str | None
    start: dt.date
    pauses: tuple[Hold, ...]


def compute(
    regime: str,
    received: dt.datetime,
    *,
    country: str | None = None,
    verified: dt.datetime | None = None,
    extended: bool = False,
    holds: Sequence[Hold] = (),
    zone: str = "UTC",
) -> ClockResult:
    """The dates of one request.

    ``received`` and ``verified`` are aware; their dates are read in ``zone``, the controller's own IANA time
    zone. ``country`` (DE, DE-BY, GB-SCT, US) picks the public holidays; without it those of the Union, of
    England and Wales or of California apply, and where no rule looks at holidays it plays no part.
    ``verified`` is when the identity that was asked for was proven; leave it out where none was asked for.
    ``extended`` says that the extension was taken. ``holds`` are waits for the person.

    Raises Invalid naming the argument: regime, received, country, verified, extended, holds, zone.
    """
    law = _law(regime, extended)
    calendar = choose_calendar(country, law.calendar, law.calendars, law.regions)
    came = _local_date("received", received, zone)
    proven = _local_date("verified", verified, zone) if verified else None
    waits = checked(holds, came)
    start = max(came, proven) if proven and law.starts_when_verified else came
    run = _Run(law, calendar, start, merged(waits) if law.stops_on_hold else ())
    acknowledge_by, acknowledging = _acknowledging(run, came)
    due, answering = _answering(run, extended)
    steps = [_step(came, "Request received", law.receipt), *_verifying(run, proven, came)]
    steps += [*acknowledging, *_waiting(run, waits, due), *answering]
    return ClockResult(acknowledge_by, due, tuple(sorted(steps, key=lambda step: step.date)))


def _law(regime: str, extended: bool) -> Regime:
    law = REGIMES.get(regime)
    if law is None:
        raise Invalid("regime", f"unknown; allowed are {', '.join(REGIMES)}")
    if extended and law.extension is None:
        raise Invalid("extended", f"{law.name} knows no extension; only false is allowed")
    return law


def _local_date(field: str, moment: dt.datetime, zone: str) -> dt.date:
    if moment.tzinfo is None:
        raise Invalid(field, "a moment without a time zone is ambiguous; give an offset")
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise Unfit(field, f"allowed are the years {FIRST_YEAR} to {LAST_YEAR}")
    return moment.astimezone(_zone(zone)).date()


def _zone(name: str) -> dt.tzinfo:
    if name == "UTC":  # known without a time zone database
        return dt.UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # unknown, not a name, a folder of zones
        raise Invalid("zone", "not an IANA time zone such as Europe/Berlin") from error


def _last_day(period: Period, run: _Run) -> dt.date:
    """The period's last day with the held days left out of the count, not yet moved to a working day."""
    end = _counted(period, run)
    for first, last in run.pauses:
        running_until = _moved(end, run)
        if first > running_until:
            break  # the period was over before this wait began
        end = (running_until if first > end else end) + _held(first, last, run) * _DAY
    return end


def _held(first: dt.date, last: dt.date, run: _Run) -> int:
    """How many days a pause leaves out: those after the start, which was never counted itself."""
    return max((last - max(first, run.start + _DAY)).days + 1, 0)


def _counted(period: Period, run: _Run) -> dt.date:
    match period.unit:
        case Unit.MONTHS:
            end: dt.date = run.start + relativedelta(months=period.count)
            return end
        case Unit.CALENDAR_DAYS:
            return run.start + period.count * _DAY
        case Unit.BUSINESS_DAYS:
            return add_working_days(run.start, period.count, run.calendar)


def _moved(day: dt.date, run: _Run) -> dt.date:
    return working_day_from(day, run.calendar) if run.law.roll else day


def _step(day: dt.date, what: str, rule: Rule) -> ClockStep:
    return ClockStep(day, what, rule.why, rule.citation)


def _deadline(what: str, period: Period, rule: Rule, run: _Run) -> tuple[dt.date, list[ClockStep]]:
    """The date by which ``what`` is done, with a step for it and, where it was moved, one for the move."""
    end = _last_day(period, run)
    day = _moved(end, run)
    why = rule.why + _counting(period, end, run)
    if run.law.roll is None or day == end:
        return day, [ClockStep(day, what, why, rule.citation)]
    off = "; ".join(f"{closed} is {reason}" for closed, reason in days_off(end, day - _DAY, run.calendar))
    moved = f"{run.law.roll.why} {off}; {day} is the next working day by {title_of(run.calendar)}."
    return day, [
        ClockStep(end, f"{what}: the period ends", why, rule.citation),
        ClockStep(day, f"{what}: moved from {end} to {day}", moved, run.law.roll.citation),
    ]


def _counting(period: Period, end: dt.date, run: _Run) -> str:
    """What else went into the count: holidays stepped over, days on which the clock stood still."""
    if period.unit is Unit.BUSINESS_DAYS:
        days = days_off(run.start + _DAY, end, run.calendar)
        named = ", ".join(f"{day} ({why})" for day, why in days if day.weekday() not in WEEKEND)
        between = f": {named}" if named else ", none of which fell in between"
        return f" Weekends aren't counted, nor {title_of(run.calendar)}{between}."
    held = (end - _counted(period, run)).days
    return f" Days added because the clock stood still: {held}." if held else ""


def _acknowledging(run: _Run, came: dt.date) -> tuple[dt.date | None, list[ClockStep]]:
    rule = run.law.acknowledge
    if isinstance(rule, Rule):
        return None, [_step(came, "No date to acknowledge by", rule)]
    return _deadline("Acknowledge", rule, rule.rule, run)


def _answering(run: _Run, extended: bool) -> tuple[dt.date, list[ClockStep]]:
    first, extension = run.law.respond, run.law.extension
    if not extended or extension is None:
        return _deadline("Respond", first, first.rule, run)
    _, notice = _deadline("Announce the extension", first, extension.notice, run)
    due, answer = _deadline("Respond", extension.total, extension.total.rule, run)
    return due, [*notice, *answer]


def _verifying(run: _Run, proven: dt.date | None, came: dt.date) -> list[ClockStep]:
    if proven is None:
        return []
    rule = run.law.verification
    if not run.law.starts_when_verified:
        return [_step(proven, "Identity verified: the start does not move", rule)]
    if proven >= came:
        return [_step(proven, "Clock starts", rule)]
    why = "The identity was proven before the request came, so receipt starts the clock."
    return [ClockStep(came, "Clock starts", why, rule.citation)]


def _waiting(run: _Run, waits: Sequence[Hold], due: dt.date) -> list[ClockStep]:
    """A step per wait; where waits stop the clock, a step per merged wait that says what it does."""
    if run.law.stops_on_hold:
        return [_step(first, _pause(first, last, run, due), run.law.hold) for first, last in run.pauses]
    what = "Waiting for the person until {}: the clock does not stop"
    return [_step(first, what.format(last), run.law.hold) for first, last in waits]


def _pause(first: dt.date, last: dt.date, run: _Run, due: dt.date) -> str:
    if first > due:
        return f"Waiting until {last}: the period was already over, so nothing is added"
    held = _held(first, last, run)
    return f"Clock stopped until {last}, days not counted: {held}" if held else "The clock had not started"
