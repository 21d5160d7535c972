"""The types of options, and values that Typer doesn't know: moments, waits, pairs, and secrets that stay out of
the shell's history."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer import BadParameter, Option


def moment(text: str) -> datetime:
    """RFC 3339 with an offset, or a date, which is its first moment in UTC. Raises BadParameter."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise BadParameter(f"{text!r} is no time; allowed is 2026-03-31T09:30:00Z or 2026-03-31") from None
    if found.tzinfo is None and len(text.strip()) > len("2026-03-31"):
        raise BadParameter(f"{text!r} has no time zone; end it with Z or an offset")
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def wait(text: str) -> tuple[date, date]:
    """``FROM/TO``, two dates. Raises BadParameter."""
    first, _, last = text.partition("/")
    try:
        return date.fromisoformat(first.strip()), date.fromisoformat(last.strip())
    except ValueError:
        raise BadParameter(f"{text!r} is no wait; allowed is 2026-03-31/2026-04-07") from None


def pairs(texts: Sequence[str] | None, **more: str | None) -> dict[str, str]:
    """``KEY=VALUE`` each, and those of ``more`` that were given. Raises BadParameter."""
    found = {name: value for name, value in more.items() if value is not None}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise BadParameter(f"{text!r} is not KEY=VALUE")
        found[name.strip()] = value
    return found


def secrets(given: Sequence[str] | None) -> list[str]:
    """The secrets given. ``-`` stands for the lines of stdin; a terminal is asked when none is given.

    An argument stands in the shell's history and in the list of processes; a line of stdin doesn't.
    """
    if not given and sys.stdin.isatty():
        return [typer.prompt("Secret", hide_input=True)]
    if not given:
        raise BadParameter("give --secret SECRET, or --secret - and the secret on stdin")
    lines = sys.stdin.read().splitlines() if "-" in given else []
    return [secret for one in given for secret in (lines if one == "-" else [one])]


def passphrase(file: Path | None) -> str:
    """What the file holds; without one a terminal is asked, and else it is the first line of stdin."""
    if file is not None:
        return file.read_text(encoding="utf-8").strip()
    if sys.stdin.isatty():
        return str(typer.prompt("Passphrase", hide_input=True))
    return sys.stdin.readline().strip()


def named_secrets(file: Path | None) -> dict[str, str]:
    """``NAME=VALUE``, one a line, from a file or stdin; empty lines and comments (#) are nothing. Raises
    BadParameter."""
    if file is None and sys.stdin.isatty():
        raise BadParameter("give --from FILE, or NAME=VALUE lines on stdin")
    raw = sys.stdin.read() if file is None else file.read_text(encoding="utf-8")
    found = dict[str, str]()
    for number, line in enumerate(raw.splitlines(), 1):
        name, equals, value = line.partition("=")
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not equals or not name.strip():
            raise BadParameter(f"line {number} is not NAME=VALUE")  # the line itself may be a secret
        found[name.strip()] = value.strip()
    return found


def wrong_usage(text: str) -> BadParameter:
    """What to raise for options that don't go together: exit code 2."""
    return BadParameter(text)


_TIME = Option(metavar="TIME", parser=moment, help="RFC 3339, or a date.")

Platform = Annotated[Literal["shopify", "stripe", "mailchimp", "mandrill", "woocommerce", "hasura"], Option()]
Regime = Annotated[Literal["gdpr", "uk_gdpr", "ccpa", "ccpa_opt_out", "shopify"], Option()]
Failed = Annotated[Literal["failed"], Option()]
Out = Annotated[Path | None, Option(dir_okay=False, help="The file to write.")]
Activity = Annotated[str | None, Option(help="Only the proof of this activity: its id or DID.")]
Force = Annotated[bool, Option("--force", help="Replace a file that is there.")]
Keys = Annotated[list[str] | None, Option(metavar="VKEY", help="Trust this verifier key; can be repeated.")]
Checkpoint = Annotated[Path | None, Option(exists=True, dir_okay=False, help="A checkpoint that was kept.")]
Fresh = Annotated[bool, Option("--fresh", help="Begin at the first entry again.")]
StateDir = Annotated[Path | None, Option("--state", file_okay=False, help="Where to remember.")]
Every = Annotated[float, Option(min=1, help="Seconds between two looks.")]
Once = Annotated[bool, Option("--once", help="Look once; the exit code says what was seen.")]
TokenFile = Annotated[
    Path | None, Option(exists=True, dir_okay=False, help="An API key, where one is asked.")
]
WitnessName = Annotated[str | None, Option(help="What the cosignatures are signed as.")]
LogAccess = Annotated[Literal["public", "key"], typer.Argument()]
Languages = Annotated[
    list[str] | None,
    Option(help="What the form speaks (en, de, …); can be repeated, the first is the team's."),
]
Origins = Annotated[
    list[str] | None, Option(metavar="ORIGIN", help="Where the form may be embedded; can be repeated.")
]
Form = Annotated[Literal["open", "closed"] | None, Option(help="Whether anybody may ask through the form.")]
Clear = Annotated[
    list[str] | None,
    Option(
        metavar="NAME",
        help="Take away: team-email, embed-origins, privacy-url or authority; can be repeated.",
    ),
]
GdprReason = Option(help="Why (GDPR Art. 17(1)).")
Credentials = Annotated[
    Path | None,
    Option(
        "--from", exists=True, dir_okay=False, help="A file of NAME=VALUE lines; left out, stdin is read."
    ),
]
OfRequest = Annotated[str | None, Option("--request", help="A rights request's id.")]
OfOrder = Annotated[str | None, Option("--order", help="An erasure order's id.")]
Alone = Annotated[
    bool, Option("--alone", help="At once and without a second person; the log says so. For emergencies.")
]
Why = Annotated[str, Option("--reason", help="Why; without anybody's name.")]
Kept = Annotated[str | None, Option("--remains", help="What the recipient keeps, why and until when.")]
VerifierKeys = Annotated[list[str], Option("--vkey", metavar="VKEY", help="The log's key; can be repeated.")]
KeptReceipt = Annotated[
    Path | None, Option("--receipt", exists=True, dir_okay=False, help="The person's receipt.")
]
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False)]
Yes = Annotated[bool, Option("--yes", help="Do it; there is no way back.")]
WithAccount = Annotated[bool, Option("--with-account", help="Also the account they sign in with here.")]
ReceiptFile = Annotated[Path | None, Option(dir_okay=False, help="Where the person's receipt is written.")]
KeyKind = Annotated[Literal["root", "tenant", "link"], typer.Argument()]
Known = Annotated[bool, Option("--known", help="The account with this address is theirs, as you know.")]
Matrix = Annotated[bool, Option("--matrix", help="Show what each role may do.")]
Required = Annotated[str, Option()]
Id = Annotated[str | None, typer.Argument()]
All = Annotated[bool, Option("--all")]
Scopes = Annotated[list[str] | None, Option(help="Can be repeated; all of them when left out.")]
Newcomers = Annotated[
    str | None, Option("--role", help="What people become who are nobody here yet; left out, they stay out.")
]
Secrets = Annotated[list[str] | None, Option(help="Can be repeated; - reads lines from stdin.")]
Pairs = Annotated[list[str] | None, Option(metavar="KEY=VALUE", help="Can be repeated.")]
Query = Annotated[str | None, Option("--q", "-q", help="A part of topic or error, or an id.")]
Limit = Annotated[int, Option(min=1, max=10_000)]
Time = Annotated[datetime, _TIME]
MaybeTime = Annotated[datetime | None, _TIME]
Waits = Annotated[
    list[Any],
    Option(
        metavar="FROM/TO", parser=wait, default_factory=list, help="A wait for the person; can be repeated."
    ),
]
Deliveries = Annotated[int, Option(min=60, max=100_000, help="How many deliveries.")]
Rate = Annotated[float, Option(min=0, help="Deliveries a second; 0 is as fast as it goes.")]
Timeout = Annotated[float, Option(min=1, help="Seconds to wait for the processing.")]
BackupDir = Annotated[Path | None, Option("--to", file_okay=False, help="Where the data part goes.")]
KeysDir = Annotated[
    Path | None, Option("--keys-to", file_okay=False, help="Another place for the keys part.")
]
KeyParts = Annotated[list[Path] | None, Option("--keys", help="A backup's keys part; can be repeated.")]
Published = Annotated[
    list[Path] | None, Option("--published", help="A checkpoint that somebody kept; can be repeated.")
]
Replace = Annotated[bool, Option("--force", help="Let it take the place of data that is there.")]
WaitForBlock = Annotated[bool, Option("--wait", help="Until it is in a block.")]
Anew = Annotated[
    bool,
    Option("--anew", help="Give up what is in no block: another chain, one begun anew, or too low a fee."),
]
PackageFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The package.")]
PassphraseFile = Annotated[
    Path | None, Option(exists=True, dir_okay=False, help="Where its passphrase stands; else stdin.")
]
TrustedKeys = Annotated[
    list[str] | None, Option("--vkey", metavar="VKEY", help="Trust this verifier key; can be repeated.")
]
OfAgent = Annotated[bool, Option("--agent", help="Of the dx-agent in this data directory.")]
VerifyKey = Annotated[str, Option(help="The agent's Ed25519 public key: 32 bytes in base64.")]
Business = Annotated[str, Option(help="How the agent's network calls this tenant; else its DID.")]
RequestFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A CSV file in UTF-8.")]
DryRun = Annotated[bool, Option("--dry-run", help="Only say what would become of each row.")]
