"""The log in words: what an entry says, by whom, and what each step of a check found.

Kinds are named so that they read as a heading by themselves (``personal_data.read``); the few that don't stand
here. The words of a check are the page's and the browser's both: ``static/verify.js`` gets them with the page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from .. import words

_HEADINGS: Mapping[str, str] = {
    "workflow.step": "A step of a workflow ended",
    "workflow.failed": "A step of a workflow failed for good",
    "api_key.created": "API key created",
    "api_key.revoked": "API key revoked",
    "auditor_link.created": "Auditor’s link created",
    "auditor_link.revoked": "Auditor’s link revoked",
    "activity.registered": "Processing activity registered",
    "log.checkpoint": "A checkpoint of a log was covered",
    "log.epoch_opened": "The log goes on after a backup was put back",
    "personal_data.read": "Personal data was seen in the clear",
    "personal_data.read_restated": "A reading of personal data, stated again",
    "sso.provider_set": "Single sign-on was set up",
    "sso.provider_disabled": "Single sign-on was switched off",
    "user.second_factor_set": "Second factor set",
    "user.switched": "Went on at another data controller, or came from one",
    "key.rotated": "A key has another version",
    "key.destroyed": "An old version of a key is gone for good",
    "auditor_link.used": "The log was read by an auditor’s link",
}

_ACTORS: Mapping[str, str] = {
    "user": "somebody of the team",
    "key": "a program with an API key",
    "system": "dxflow or its command line",
    "workflow": "a workflow",
    "agent": "an authorised agent",
    "auditor": "an auditor’s link",
    "requester": "the person who asked",
}

FRAME = ("seq", "ts", "kind", "actor", "v", "commitment", "act")
"""Members that every entry may have; what it says are the others."""

_FIRST = 3
"""Members that a list shows of each entry."""
_LONGEST = 60
_CODE = re.compile(r"[0-9a-f]{8,}|[^ ]+/log(/[^ ]*)?")

STEPS: Mapping[str, tuple[str, str, str]] = {
    "read": (
        "Read the note",
        "A checkpoint of {origin}: {size} entries, root {root}.",
        "This isn’t a signed checkpoint: {why}.",
    ),
    "log": ("Is it of this log?", "Yes: {origin}.", "No: it is of {origin}, and this log is {own}."),
    "key": (
        "Find the key",
        "Key {id}: the beginning of SHA-256 over the name {name} and the key, as signed-note says. A "
        "signature names it.",
        "No signature is by a key looked for ({known}). Those it bears are by {bears}.",
    ),
    "signature": (
        "Check the signature",
        "The Ed25519 signature by {id} fits the note’s text.",
        "The Ed25519 signature in the name of {id} doesn’t fit the note’s text.",
    ),
    "current": (
        "Check the log’s own checkpoint",
        "Signed by {id}: {size} entries now, root {root}.",
        "What the log gives as its checkpoint now bears no good signature of its keys.",
    ),
    "size": ("Compare the sizes", "", "The note promises {size} entries; the log has {now}."),
    "consistency": (
        "Prove that the log only grew",
        "With the proof’s {count} hashes the first {size} entries give {ours}, as the note says, and "
        "all {now} give the root of the log’s checkpoint.",
        "The first {size} entries give {ours}; the note says {kept}.",
    ),
    "proof": (
        "Prove that the log only grew",
        "",
        "The proof’s {count} hashes don’t lead from the root of the first {size} entries to that of "
        "the log’s checkpoint.",
    ),
    "same": (
        "Compare the roots",
        "Both have {size} entries and the root {ours}.",
        "Both have {size} entries; the log’s root is {ours}, the note’s is {kept}.",
    ),
    "inclusion": (
        "Prove the entry",
        "Entry {index} has the leaf hash {leaf}; with the proof’s {count} hashes it leads to the root"
        " {root} of the log’s checkpoint.",
        "Entry {index} can’t be proven to be among the log’s entries.",
    ),
}
"""What a step is called, and what it says where it held and where it didn't. Names in braces are figures."""

VERDICTS: Mapping[str, tuple[str, str, str, str]] = {
    "holds": (
        "good",
        "This log still begins with what you kept",
        "Nothing among its first {size} entries was changed, removed or put in since that checkpoint was "
        "signed. Since then it grew by {grown}.",
        "Keep the log’s present checkpoint too: your next check then reaches as far as today.",
    ),
    "same": (
        "good",
        "This is the log’s present checkpoint",
        "All {size} entries are those that it promises. Nothing came after them yet.",
        "Keep it, and check again another day.",
    ),
    "empty": (
        "good",
        "Well signed, but of an empty log",
        "A checkpoint of no entries promises nothing: every log begins with it.",
        "Keep the log’s present checkpoint: the next check then says something.",
    ),
    "proven": (
        "good",
        "This entry is in the log",
        "Its bytes lead to the root of the signed checkpoint: they were not changed since it was signed.",
        "Keep the checkpoint; with it you can show this again, whatever becomes of this page.",
    ),
    "malformed": (
        "bad",
        "This isn’t a signed checkpoint",
        "It can’t be read, so nothing was checked.",
        "Paste the whole note: name of the log, number, root, an empty line, and the lines that begin"
        " with a long dash (—). Mail programs sometimes change that dash.",
    ),
    "bad_key": (
        "bad",
        "The verifier key can’t be read",
        "It must be name+id+key on one line, and the id must be that of the name and the key.",
        "Paste it as you noted it, or leave the field empty to use the keys that this log names.",
    ),
    "other_log": (
        "bad",
        "A checkpoint of another log",
        "It is of {origin}. About this log, {own}, it says nothing.",
        "Look for the checkpoint that you kept of this log, or check this one where it belongs.",
    ),
    "unknown_key": (
        "bad",
        "Signed by no key that is known here",
        "It names this log, but none of its signatures is by a key looked for. It may have been made "
        "up, or come from another installation.",
        "Compare with the verifier key that you noted when you kept it. If that is the key of the "
        "signature, this log now names other keys than it did: ask the data controller why, and keep "
        "your note.",
    ),
    "forged": (
        "bad",
        "The checkpoint was tampered with",
        "It bears the name of this log’s key, but the signature is over another text: origin, size or"
        " root were changed, or the signature was.",
        "Take the note from where you first kept it. If that copy fails too, this log never signed it.",
    ),
    "bad_current": (
        "bad",
        "The log’s own checkpoint doesn’t hold",
        "What this server gives as the log’s present checkpoint isn’t signed by the log’s keys.",
        "Don’t rely on anything here. Tell the data controller; their operator runs dxflow audit verify.",
    ),
    "ahead": (
        "bad",
        "This log has lost entries",
        "The log’s key once signed for {size} entries; this server shows {now}. {missing} are "
        "missing: the end was cut off, or an older copy is shown.",
        "Keep your checkpoint: it is the proof. Ask whether a backup was put back; a log that was "
        "restored openly says so and goes on under another name.",
    ),
    "fork": (
        "bad",
        "Two histories: this isn’t the log that you were shown",
        "The log’s key signed for {size} entries with the root {kept}. The first {size} entries here "
        "give {ours}. Entries among them were changed, removed, swapped or put in.",
        "Keep your checkpoint and the one on this page: the two signatures together prove it. Tell "
        "the data controller, and whoever you report to.",
    ),
    "gap": (
        "warn",
        "The log was restored since, and says so",
        "This checkpoint is of an earlier epoch. A backup was put back at entry {from}: entries "
        "{from} to {to} of that epoch are missing, and some of the {size} that you hold a promise of "
        "are among them.",
        "The log says this itself in its entry {from}. Ask the data controller what was lost.",
    ),
    "bad_proof": (
        "bad",
        "The server’s proof doesn’t hold",
        "The hashes that it gave don’t lead from your checkpoint to the log’s present one.",
        "Ask again. If it stays so, take the bundle and check it on a machine of yours; keep your "
        "checkpoint.",
    ),
    "no_entry": (
        "bad",
        "There is no such entry",
        "The checkpoint holds; but the log has {size} entries, and {index} isn’t the number of one. "
        "They begin at 0.",
        "Look the number up in the log.",
    ),
    "not_included": (
        "bad",
        "This entry isn’t in the log",
        "Its bytes don’t lead to the root that the log signed: they were changed since, or the proof "
        "is wrong.",
        "Keep this page as it is, and check the bundle on a machine of yours.",
    ),
    "unable": (
        "warn",
        "This browser can’t check it",
        "It takes Web Cryptography with Ed25519, which this browser doesn’t have, or gives to pages "
        "on https alone.",
        "Use another browser, or check the bundle with verifier.py on a machine of yours; the "
        "operator can run dxflow audit verify.",
    ),
    "unanswered": (
        "warn",
        "The server gave no proof",
        "So nothing was checked. That is no verdict on the log.",
        "Try again in a moment.",
    ),
}
"""Tone, heading, what it means, and what to do."""


def heading(kind: str) -> str:
    """What happened, as a heading."""
    return _HEADINGS.get(kind, words.plain(kind.replace(".", " ")).capitalize().replace("Scim ", "SCIM "))


def title(leaf: Mapping[str, Any]) -> str:
    """What happened, of one entry: of a step, which."""
    if leaf["kind"] != "workflow.step" or "step" not in leaf:
        return heading(str(leaf["kind"]))
    return words.step(str(leaf.get("workflow")), str(leaf.get("step")))


def actor(name: str, reader: str) -> str:
    """Who did it, to the person who reads; people are named where the team is listed, and nowhere here."""
    if name == reader:
        return "you"
    kind, _, rest = name.partition(":")
    if kind == "workflow":
        return f"the workflow “{words.plain(rest)}”"
    return _ACTORS.get(kind, kind)


def actors() -> Mapping[str, str]:
    """The choices of the search."""
    return _ACTORS


def summary(leaf: Mapping[str, Any]) -> str:
    """The first things that an entry says, on one line."""
    if leaf["kind"] == "workflow.step" and "outcome" in leaf:
        return words.outcome(str(leaf.get("outcome")))
    said = [(name, value) for name, value in leaf.items() if name not in FRAME and _short(value)]
    return ", ".join(words.member(name, value) for name, value in said[:_FIRST])


def told(text: str, said: Mapping[str, object]) -> Markup:
    """A text with its figures: whole numbers with separators, hashes and names of logs as code."""
    shown = {
        name: f"{value:,}" if isinstance(value, int) else _as_code(str(value)) for name, value in said.items()
    }
    return Markup(text).format_map(_Open(shown))  # noqa: S704  # the texts are those above


def _as_code(text: str) -> str | Markup:
    return Markup('<code class="did">{}</code>').format(text) if _CODE.fullmatch(text) else text


class _Open(dict[str, str | Markup]):
    """Figures that a step didn't come to."""

    def __missing__(self, name: str) -> str:
        return "none"


def _short(value: object) -> bool:
    return isinstance(value, str | int) and len(str(value)) <= _LONGEST and not _is_id(str(value))


def _is_id(text: str) -> bool:
    return len(text) == 36 and text.count("-") == 4


def for_browser() -> dict[str, object]:
    """What static/verify.js tells its findings in."""
    return {"steps": STEPS, "verdicts": VERDICTS}
