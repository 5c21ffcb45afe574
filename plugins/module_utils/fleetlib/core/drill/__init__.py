"""Drills: which disasters are rehearsed, how a rehearsal is measured and judged, when the next is due. All pure."""
