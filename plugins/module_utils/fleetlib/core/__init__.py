"""Pure decisions: data in, data out. The standard library only, so that the Lambda can carry it."""
