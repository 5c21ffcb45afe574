"""Facts about a deployment in, rows of a report out: what passed, what failed, what could not be checked."""
