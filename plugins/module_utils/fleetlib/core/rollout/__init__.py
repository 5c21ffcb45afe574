"""Rollouts in waves: the plan, who is in which wave, gates, the record, and what would happen (simulator)."""
