"""How much of its limits a fleet uses, when it will reach them, and what it costs."""
