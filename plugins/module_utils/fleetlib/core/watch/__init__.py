"""The live view of a fleet: what is read becomes a `state.State`, and that becomes lines of a terminal."""
