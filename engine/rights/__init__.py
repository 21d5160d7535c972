"""Rights requests: the closed lists, the choice of a regime, and the statutory clock."""

from __future__ import annotations

from .clock import ClockResult, ClockStep, compute
from .holds import Hold
from .regimes import REGIMES, Regime
from .types import DenialReason, RequestState, RequestType, country_for, regime_for

__all__ = [
    "REGIMES",
    "ClockResult",
    "ClockStep",
    "DenialReason",
    "Hold",
    "Regime",
    "RequestState",
    "RequestType",
    "compute",
    "country_for",
    "regime_for",
]
