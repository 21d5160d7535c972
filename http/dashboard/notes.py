"""What a page says after something was done."""

from __future__ import annotations

from collections.abc import Mapping

from .rights import request_words
from .subjects import subject_words

NOTES: Mapping[str, str] = {
    "event.replayed": "Replayed. It runs again from the step where it stopped.",
    "event.discarded": "Discarded. The reason stays with the event.",
    "notice.read": "Marked read.",
    "notices.read": "All notices are marked read.",
    "password.chosen": "Your password is set. Sessions on other devices were ended.",
    "signed.out": "You are signed out.",
    "second_factor.over": "That took too long, or was done already. Sign in again.",
    "second_factor.off": "The second factor is off. Your password alone lets you in from now on.",
    "session.ended": "That session is over.",
    "sessions.ended": "All your other sessions are over.",
    "switched": "You are at another data controller now.",
    "invitation.accepted": "Welcome. You belong to this data controller now.",
    "invitation.revoked": "That invitation opens nothing any more.",
    "role.set": "The role is changed, from their next click on.",
    "shut.out": "Shut out. Their sessions here are over, and their API keys revoked.",
    "brought.back": "They can sign in here again. Their API keys stay revoked.",
    "member.removed": "That membership is over.",
    "key.revoked": "That key opens nothing any more.",
    "work.paused": "Paused. Deliveries are accepted and wait here until somebody resumes.",
    "work.resumed": "Work goes on, with everything that waited.",
    "connector.added": "The connector is made, and its secret sealed.",
    "connector.renamed": "Renamed.",
    "connector.disabled": "Disabled. Its address takes nothing any more.",
    "connector.enabled": "It takes deliveries again.",
    "secret.added": "The new secret is in force.",
    "secret.ended": "That secret opens nothing any more.",
    "api.taken": "The platform takes the credentials.",
    "api.refused": "The platform doesn’t take the credentials; what it says stands beside them.",
    "api.removed": "The credentials are forgotten.",
    "member.sessions_ended": "All their sessions here are over.",
    "sso.set": "The provider answered, and is in force.",
    "sso.answers": "The provider answers as it should.",
    "sso.off": "Switched off. The sessions that it opened are over.",
    "password.reset": "Your new password is set, and all your sessions are over. Sign in with it.",
    "request.moved": "Done. What happened is in the log.",
    "auditor_link.revoked": "That link opens nothing any more, wherever it is open.",
    **subject_words.NOTES,
    **request_words.NOTES,
}
"""What a page says after something was done, by the code that travels in the note cookie."""
