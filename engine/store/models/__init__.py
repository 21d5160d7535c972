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
    TenantKey,
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

__all__ = [
    "ActPayload",
    "ActivitySalt",
    "AgentCheckpoint",
    "AgentEngine",
    "AgentTenant",
    "ApiKey",
    "AuditEntry",
    "AuditHead",
    "AuditSalt",
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
    "Event",
    "IdempotencyKey",
    "Installation",
    "LinkConflict",
    "LinkHistory",
    "LogKey",
    "LogKeyLeaf",
    "Membership",
    "Notification",
    "ProcessingActivity",
    "Registration",
    "RightsRequest",
    "Row",
    "Session",
    "TenantKey",
    "User",
    "database",
]
