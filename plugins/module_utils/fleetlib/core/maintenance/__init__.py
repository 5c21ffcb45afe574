"""Maintenance: what its journal tells, and what stands in its way."""
