"""A second region: what it should hold, what brings it there, and where it differs. All of it pure."""
