"""The store: Peewee models, versioned migrations, and change-capture triggers."""

from __future__ import annotations

from . import models
from .store import Store

__all__ = ["Store", "models"]
