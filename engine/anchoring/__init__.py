"""The installation's root on a chain: signed once, sent until it is in a block, watched until it stays."""

from __future__ import annotations

from .anchors import Anchors, Unfunded, WrongChain

__all__ = ["Anchors", "Unfunded", "WrongChain"]
