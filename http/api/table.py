"""Every operation of the API, as one table: routing, keys, validation and documentation all read it."""

from __future__ import annotations

from ...engine.access.roles import Permission
from . import (
    activities,
    audit,
    consents,
    desk_table,
    events,
    invitations,
    keys,
    merging,
    notifications,
    queues,
    requests,
    subjects,
    timeline,
    users,
)
from .operation import Openly, Operation, get, post
from .values import Nothing

LOOK, RECORD, ACT, READ_PEOPLE = Permission.LOOK, Permission.RECORD, Permission.ACT, Permission.READ_PEOPLE
READ_USERS, MANAGE_USERS = Permission.READ_USERS, Permission.MANAGE_USERS

OPERATIONS: tuple[Operation, ...] = (
    post(
        "/data-subjects", RECORD, subjects.enter, "Match a data subject, or create it",
        body=subjects.NewSubject, answer=subjects.SubjectEntered, status=201,
    ),
    get(
        "/data-subjects", LOOK, subjects.listing, "List data subjects",
        query=subjects.SubjectQuery, answer=subjects.SubjectPage,
    ),
    post(
        "/data-subjects/lookup", READ_PEOPLE, subjects.lookup, "Find a data subject by an identifier",
        body=subjects.Lookup, answer=subjects.SubjectRecord,
    ),
    get(
        "/data-subjects/{id}", READ_PEOPLE, subjects.show, "Show a data subject",
        query=Nothing, answer=subjects.SubjectRecord,
    ),
    get(
        "/data-subjects/{id}/timeline", READ_PEOPLE, timeline.show,
        "Show what happened to a data subject's data",
        query=timeline.TimelineQuery, answer=timeline.Timeline,
    ),
    post(
        "/processing-activities", RECORD, activities.record, "Record a processing activity",
        body=activities.NewActivity, answer=activities.Activity, status=201,
    ),
    get(
        "/processing-activities", LOOK, activities.listing, "List processing activities",
        query=activities.ActivityQuery, answer=activities.ActivityPage,
    ),
    get(
        "/processing-activities/{id}", LOOK, activities.show, "Show a processing activity",
        query=Nothing, answer=activities.Activity,
    ),
    *merging.OPERATIONS,
    *consents.OPERATIONS,
    post(
        "/rights-requests", RECORD, requests.create, "Put a rights request in the queue",
        body=requests.NewRequest, answer=requests.RightsRequest, status=201,
    ),
    get(
        "/rights-requests", LOOK, requests.listing, "List rights requests",
        query=requests.RequestQuery, answer=requests.RightsRequestPage,
    ),
    get(
        "/rights-requests/{id}", READ_PEOPLE, requests.show, "Show a rights request",
        query=Nothing, answer=requests.RightsRequestRecord,
    ),
    *desk_table.OPERATIONS,
    get(
        "/notifications", LOOK, notifications.listing, "List notices",
        query=notifications.NotificationQuery, answer=notifications.NotificationPage,
    ),
    post(
        "/notifications/{id}/read", ACT, notifications.read, "Mark a notice as read",
        body=Nothing, answer=notifications.Notification,
    ),
    get(
        "/events", LOOK, events.listing, "List events",
        query=events.EventQuery, answer=events.EventPage,
    ),
    post(
        # Many small transactions: one long one would make every delivery wait, and repeating it is harmless.
        "/events/replay", ACT, events.replay_many, "Replay failed events",
        body=events.ReplayFilter, answer=events.Replayed, atomic=False,
    ),
    get(
        "/events/{id}", LOOK, events.show, "Show an event",
        query=Nothing, answer=events.Event,
    ),
    post(
        "/events/{id}/replay", ACT, events.replay, "Replay an event",
        body=Nothing, answer=events.Event,
    ),
    post(
        "/events/{id}/discard", ACT, events.discard, "Discard an event",
        body=events.Discard, answer=events.Event,
    ),
    get(
        "/queues", LOOK, queues.listing, "Show how full the queues are",
        query=Nothing, answer=queues.QueueList,
    ),
    post(
        "/queues/pause", Permission.MANAGE_TENANT, queues.pause, "Pause the tenant's work",
        body=Nothing, answer=queues.Pause,
    ),
    post(
        "/queues/resume", Permission.MANAGE_TENANT, queues.resume, "Resume the tenant's work",
        body=Nothing, answer=queues.Pause,
    ),
    *audit.OPERATIONS,
    get(
        "/users", READ_USERS, users.listing, "List who works here",
        query=users.UserQuery, answer=users.UserPage,
    ),
    get(
        "/users/{id}", READ_USERS, users.show, "Show who works here",
        query=Nothing, answer=users.User,
    ),
    post(
        "/users/{id}/role", MANAGE_USERS, users.set_role, "Give a user another role",
        body=users.NewRole, answer=users.User,
    ),
    post(
        "/users/{id}/shut-out", MANAGE_USERS, users.shut_out, "Close the data controller to a user",
        body=Nothing, answer=users.User,
    ),
    post(
        "/users/{id}/bring-back", MANAGE_USERS, users.bring_back, "Open it to them again",
        body=Nothing, answer=users.User,
    ),
    post(
        "/users/{id}/remove", MANAGE_USERS, users.remove, "End a user's membership",
        body=Nothing, answer=users.Removed,
    ),
    get(
        "/invitations", READ_USERS, invitations.listing, "List invitations",
        query=invitations.InvitationQuery, answer=invitations.InvitationPage,
    ),
    post(
        "/invitations", MANAGE_USERS, invitations.invite, "Invite a person",
        body=invitations.NewInvitation, answer=invitations.InvitationMade, status=201, shown_once="token",
    ),
    post(
        "/invitations/accept", Openly("the invitation's token is the credential"), invitations.accept,
        "Accept an invitation", body=invitations.Acceptance, answer=invitations.Accepted,
    ),
    post(
        "/invitations/{id}/revoke", MANAGE_USERS, invitations.revoke, "Take an invitation back",
        body=Nothing, answer=invitations.Invitation,
    ),
    get(
        "/api-keys", Permission.OWN_KEYS, keys.listing, "List API keys",
        query=keys.ApiKeyQuery, answer=keys.ApiKeyPage,
    ),
    post(
        "/api-keys", Permission.OWN_KEYS, keys.create, "Make an API key",
        body=keys.NewKey, answer=keys.ApiKeyMade, status=201, shown_once="api_key",
    ),
    post(
        "/api-keys/{id}/revoke", Permission.OWN_KEYS, keys.revoke, "Revoke an API key",
        body=Nothing, answer=keys.ApiKey,
    ),
)  # fmt: skip
