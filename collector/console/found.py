"""What is found in a text, piece by piece: shared by `scan`, which finds, and `reader`, which makes records of it."""

from __future__ import annotations

from typing import Any, NamedTuple


class FoundObject(NamedTuple):
    """A JSON object that began at a line's start; `text` is it as written."""

    line: int
    value: dict[str, Any]
    text: str


class FoundLine(NamedTuple):
    """Any other line."""

    line: int
    text: str


class Problem(NamedTuple):
    """What was left out, and why, in words for the person who brought the text."""

    line: int  # where it begins, from 1; 0 when it is about the whole file
    reason: str
    unreadable: bool = True  # False: perfectly readable, but not telemetry
    count: int = 1  # type: ignore[assignment]  # lines of output, or items; tuple.count is not used
    last_line: int = 0  # where it ends; 0 when that is the line it begins in


Found = FoundObject | FoundLine | Problem
