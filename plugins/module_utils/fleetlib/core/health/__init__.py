"""Is the fleet all right? Every device judged, worst first, and what it comes to."""
