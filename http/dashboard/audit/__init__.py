"""The append-only log: read, verified, taken along, shared with auditors."""
