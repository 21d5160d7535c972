"""The store: Peewee models, versioned migrations, change-capture triggers, and the inbox."""

from __future__ import annotations

from . import models
from .store import Store

__all__ = ["Store", "models"]
