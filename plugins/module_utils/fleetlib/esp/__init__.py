"""Espressif's own tools: partition tables, NVS and chip images, and writing them to boards."""
