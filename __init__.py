"""dxflow: every change of personal data becomes provable compliance."""

__version__ = "0.1.0"
