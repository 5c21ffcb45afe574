"""Drills: which disasters are rehearsed, how they are measured and judged, when they are due. All pure."""
