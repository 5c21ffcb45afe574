"""Checks Steel programs as a compiler would, before a device sees them."""
