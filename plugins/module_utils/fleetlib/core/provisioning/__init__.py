"""Provisioning: what a fleet shall be, what is missing, how long that takes, and the engine that does it."""
