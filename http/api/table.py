"""Every operation of the API, as one table: routing, keys, validation and documentation all read it."""

from __future__ import annotations

from . import activities, audit, consents, events, notifications, queues, requests, subjects, timeline
from .operation import Operation, get, post
from .values import Nothing, Paging

OPERATIONS: tuple[Operation, ...] = (
    post(
        "/data-subjects", "write", subjects.enter, "Match a data subject, or create it",
        body=subjects.NewSubject, answer=subjects.SubjectEntered, status=201,
    ),
    get(
        "/data-subjects", "read", subjects.listing, "List data subjects",
        query=Paging, answer=subjects.SubjectPage,
    ),
    post(
        "/data-subjects/lookup", "read", subjects.lookup, "Find a data subject by an identifier",
        body=subjects.Lookup, answer=subjects.SubjectRecord,
    ),
    get(
        "/data-subjects/{id}", "read", subjects.show, "Show a data subject",
        query=Nothing, answer=subjects.SubjectRecord,
    ),
    get(
        "/data-subjects/{id}/timeline", "read", timeline.show, "Show what happened to a data subject's data",
        query=Paging, answer=timeline.Timeline,
    ),
    post(
        "/processing-activities", "write", activities.record, "Record a processing activity",
        body=activities.NewActivity, answer=activities.Activity, status=201,
    ),
    get(
        "/processing-activities", "read", activities.listing, "List processing activities",
        query=activities.ActivityQuery, answer=activities.ActivityPage,
    ),
    get(
        "/processing-activities/{id}", "read", activities.show, "Show a processing activity",
        query=Nothing, answer=activities.Activity,
    ),
    get(
        "/consents", "read", consents.listing, "List consents with their history",
        query=consents.ConsentQuery, answer=consents.ConsentPage,
    ),
    post(
        "/rights-requests", "write", requests.create, "Put a rights request in the queue",
        body=requests.NewRequest, answer=requests.RightsRequest, status=201,
    ),
    get(
        "/rights-requests", "read", requests.listing, "List rights requests",
        query=requests.RequestQuery, answer=requests.RightsRequestPage,
    ),
    get(
        "/rights-requests/{id}", "read", requests.show, "Show a rights request",
        query=Nothing, answer=requests.RightsRequestRecord,
    ),
    get(
        "/notifications", "read", notifications.listing, "List notices",
        query=notifications.NotificationQuery, answer=notifications.NotificationPage,
    ),
    post(
        "/notifications/{id}/read", "write", notifications.read, "Mark a notice as read",
        body=Nothing, answer=notifications.Notification,
    ),
    get(
        "/events", "read", events.listing, "List events",
        query=events.EventQuery, answer=events.EventPage,
    ),
    post(
        # Many small transactions: one long one would make every delivery wait, and repeating it is harmless.
        "/events/replay", "write", events.replay_many, "Replay failed events",
        body=events.ReplayFilter, answer=events.Replayed, atomic=False,
    ),
    get(
        "/events/{id}", "read", events.show, "Show an event",
        query=Nothing, answer=events.Event,
    ),
    post(
        "/events/{id}/replay", "write", events.replay, "Replay an event",
        body=Nothing, answer=events.Event,
    ),
    post(
        "/events/{id}/discard", "write", events.discard, "Discard an event",
        body=events.Discard, answer=events.Event,
    ),
    get(
        "/queues", "read", queues.listing, "Show how full the queues are",
        query=Nothing, answer=queues.QueueList,
    ),
    get(
        "/audit/entries", "read", audit.entries, "List audit entries",
        query=Paging, answer=audit.EntryPage,
    ),
    get(
        "/audit/checkpoint", "read", audit.checkpoint, "Show the signed checkpoint",
        query=Nothing, answer=audit.Checkpoint,
    ),
    get(
        "/audit/proofs/inclusion", "read", audit.inclusion, "Prove that an entry is in the log",
        query=audit.InclusionQuery, answer=audit.Inclusion,
    ),
    get(
        "/audit/proofs/consistency", "read", audit.consistency, "Prove that the log only grew",
        query=audit.ConsistencyQuery, answer=audit.Consistency,
    ),
    get(
        "/audit/proofs/activity", "read", audit.activity, "Prove that an activity was registered",
        query=audit.ActivityQuery, answer=audit.ActivityProof,
    ),
    get(
        "/audit/installation", "read", audit.installation, "Show how the installation's root covers the log",
        query=Nothing, answer=audit.Installation,
    ),
)  # fmt: skip
