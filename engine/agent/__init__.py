"""The dx-agent port and its adapters."""

from __future__ import annotations

from .embedded import EmbeddedAgent
from .port import DxAgent, Item, NotBelieved, Receipt
from .remote import HttpAgent

__all__ = ["DxAgent", "EmbeddedAgent", "HttpAgent", "Item", "NotBelieved", "Receipt"]
