"""The reports: each is one consumer of the engine's events."""
