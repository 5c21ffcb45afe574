"""The one family of errors that fleetlib raises on purpose."""

from __future__ import annotations


class FleetError(Exception):
    """Something an operator can act on.

    ``message`` names what is wrong and where; ``hint`` says what to do about it. Both reach the operator
    as one text, so neither may hold a secret.
    """

    def __init__(self, message: str, hint: str = "", **details: object) -> None:
        """``details`` are facts (JSON-serialisable) that a module returns beside the message."""
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details

    def __str__(self) -> str:
        """Message and hint."""
        return f"{self.message} {self.hint}".rstrip()


class MissingDependencyError(FleetError):
    """A Python library or a program that this operation needs is not installed."""

    def __init__(self, name: str, needed_for: str, how: str) -> None:
        """``how`` says how to install it."""
        super().__init__(f"{name} is missing; it is needed for {needed_for}.", how)
        self.name = name


class InvalidInputError(FleetError):
    """A value the operator gave is not allowed; the message names the variable and what is allowed."""
