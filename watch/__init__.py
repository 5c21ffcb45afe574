"""The live view of a fleet in a terminal: ``make watch``, docs/watch.md."""
