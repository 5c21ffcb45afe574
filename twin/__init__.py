"""Virtual boards: they start from a flash file and live in the fleet as an ESP32-C3 does (docs/twin.md)."""
