"""The tables as Peewee models. The truth about columns, defaults and constraints is in ``migrations``.

Every row but those of ``Installation`` and ``LogKey`` belongs to one tenant (a data controller). Columns named
``*_sealed`` hold AES-256-GCM ciphertext (``engine.identity.vault``); nothing else may hold personal data.
"""

from __future__ import annotations

from .access import (
    ApiKey,
    Connector,
    ConnectorSecret,
    DataController,
    Did,
    Membership,
    Session,
    User,
)
from .base import Row, database
from .people import (
    Consent,
    ConsentCurrent,
    DataSubject,
    DataSubjectLink,
    LinkConflict,
    LinkHistory,
    Notification,
    ProcessingActivity,
    RightsRequest,
)
from .record import (
    ActivitySalt,
    ActPayload,
    AgentCheckpoint,
    AgentEngine,
    AgentTenant,
    AuditEntry,
    AuditHead,
    AuditSalt,
    AuditTile,
    CoveredCheckpoint,
    Event,
    IdempotencyKey,
    Installation,
    LogKey,
    LogKeyLeaf,
    Registration,
)
from .secrets import Anchor, AuditSaltSubject, Erasure, LogEpoch, RootKeyRecord, WrappedKey

__all__ = [
    "ActPayload",
    "ActivitySalt",
    "AgentCheckpoint",
    "AgentEngine",
    "AgentTenant",
    "Anchor",
    "ApiKey",
    "AuditEntry",
    "AuditHead",
    "AuditSalt",
    "AuditSaltSubject",
    "AuditTile",
    "Connector",
    "ConnectorSecret",
    "Consent",
    "ConsentCurrent",
    "CoveredCheckpoint",
    "DataController",
    "DataSubject",
    "DataSubjectLink",
    "Did",
    "Erasure",
    "Event",
    "IdempotencyKey",
    "Installation",
    "LinkConflict",
    "LinkHistory",
    "LogEpoch",
    "LogKey",
    "LogKeyLeaf",
    "Membership",
    "Notification",
    "ProcessingActivity",
    "Registration",
    "RightsRequest",
    "RootKeyRecord",
    "Row",
    "Session",
    "User",
    "WrappedKey",
    "database",
]
