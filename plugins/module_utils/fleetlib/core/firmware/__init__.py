"""Firmware that is written over a cable: what a release holds, and where it belongs in flash."""
