"""What the readers raise."""

from __future__ import annotations


class DecodeError(ValueError):
    """The whole body is unreadable; the message is a sentence for the sender (HTTP 400, INVALID_ARGUMENT)."""


class ItemError(ValueError):
    """One item cannot be kept; it is refused alone."""
