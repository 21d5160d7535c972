"""The store: Peewee models, versioned migrations, and change-capture triggers."""

from __future__ import annotations

from . import models
from .store import DEADLOCKS, Store

__all__ = ["DEADLOCKS", "Store", "models"]
