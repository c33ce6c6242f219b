"""Recorded sessions as if they had just happened: every time in them moved by the same whole number of seconds.

Before: a session's lines, as recorded (demo/README.md). After: `manage.py demo` imports them. Whole seconds, since half
of the times are cut to the second: what lay in one second still does. Moved at all, since pages begin with the last
minutes, and a demo whose pages are empty shows nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from sandboxes.records import SECOND

# In the order in which they are told, the last one the newest.
SESSIONS = (
    "quickstart-cold",
    "bootstrapped-cold",
    "api-outage",
    "failures",
    "burst-drained",
    "traced-warm",
    "parent-span",
    "full-path",
)
APART_S = 75  # sessions begin; all of them lie in the quarter of an hour that pages begin with
STAMP = re.compile(rb"\b(20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d)(?=[.Z+])")
NANOSECONDS = re.compile(rb"\b1[0-9]{18}\b")


def begin_ns(lines: Iterable[bytes]) -> int:
    """When a session began, by its first line."""
    first = next(iter(lines), b"")
    found = NANOSECONDS.search(first)
    return int(found[0]) if found else 0


def moved(lines: Iterable[bytes], by_s: int) -> Iterator[bytes]:
    """The lines with every time moved."""
    by, by_ns = timedelta(seconds=by_s), by_s * SECOND

    def stamp(match: re.Match[bytes]) -> bytes:
        then = datetime.strptime(match[1].decode(), "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
        return (then + by).strftime("%Y-%m-%dT%H:%M:%S").encode()

    def nanoseconds(match: re.Match[bytes]) -> bytes:
        return str(int(match[0]) + by_ns).encode()

    for line in lines:
        yield NANOSECONDS.sub(nanoseconds, STAMP.sub(stamp, line))


def moves_s(begins_ns: Iterable[int], now_ns: int) -> list[int]:
    """By how many seconds each session is moved, so that they follow each other until now."""
    found = list(begins_ns)
    last = len(found)
    return [(now_ns - begin) // SECOND - APART_S * (last - number) for number, begin in enumerate(found)]
