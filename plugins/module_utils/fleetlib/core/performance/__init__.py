"""How a fleet performed in a period: figures, targets, and the period before."""
