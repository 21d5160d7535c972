"""Mail: what people and the privacy team are told, in whose language, and how it leaves the house."""
