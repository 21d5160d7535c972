"""The dx-agent port and its adapters."""

from __future__ import annotations

from .embedded import EmbeddedAgent
from .port import DxAgent, Item, Receipt

__all__ = ["DxAgent", "EmbeddedAgent", "Item", "Receipt"]
