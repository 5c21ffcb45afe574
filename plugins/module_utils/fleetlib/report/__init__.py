"""Pages and plots from the JSON record of a run."""
