"""When work on a fleet is allowed: windows by recurrence rules, freezes, exceptions. All times are UTC."""  # noqa: A005  # its name in docs/architecture.md
