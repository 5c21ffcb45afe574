"""The library of steel.fleet. Rooms and their rules: docs/architecture.md."""
