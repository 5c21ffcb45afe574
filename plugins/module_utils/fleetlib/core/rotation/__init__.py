"""Rotation of device certificates."""
