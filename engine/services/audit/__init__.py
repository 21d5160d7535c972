"""The log as people and outsiders read it: search, proofs, bundles, verification, keys, the dx-agent."""
