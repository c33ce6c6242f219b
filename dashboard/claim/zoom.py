"""A part of the claim's axis to look at closely, as the URL has it: `zoom=FROM-TO`, ns after zero. Plain Python.

Before: a view's query string. After: `axis` shows that part alone; the page links to what is nearer and further.
"""

from __future__ import annotations

import re

from dashboard.claim.axis import ClaimAxis

Zoom = tuple[int, int]  # from and to, ns after zero; what lies before zero is negative

WRITTEN = re.compile(r"(-?[0-9]{1,18})-(-?[0-9]{1,18})", re.ASCII)
CLOSEST_NS = 1_000  # no clock here is finer


def read_zoom(text: str) -> Zoom | None:
    """What is none shows the whole axis."""
    match = WRITTEN.fullmatch(text)
    if match is None or int(match[2]) - int(match[1]) < CLOSEST_NS:
        return None
    return int(match[1]), int(match[2])


def written(from_ns: int, to_ns: int) -> str:
    """As `read_zoom` reads it."""
    return f"{from_ns}-{to_ns}"


def nearer(axis: ClaimAxis) -> str:
    """The middle half of what is shown; empty when it is as near as clocks tell."""
    from_ns, to_ns = axis.window
    quarter_ns = (to_ns - from_ns) // 4
    return written(from_ns + quarter_ns, to_ns - quarter_ns) if quarter_ns * 2 >= CLOSEST_NS else ""


def further(axis: ClaimAxis, whole: ClaimAxis) -> str:
    """Twice what is shown, as far as there is something; empty when that is all."""
    (from_ns, to_ns), (first_ns, last_ns) = axis.window, whole.window
    half_ns = (to_ns - from_ns) // 2
    wider = max(from_ns - half_ns, first_ns), min(to_ns + half_ns, last_ns)
    return "" if wider == (first_ns, last_ns) or wider[0] >= wider[1] else written(*wider)


def around(axis: ClaimAxis, start_ns: int, end_ns: int) -> str:
    """A stretch of time with some room on both sides."""
    room_ns = max((end_ns - start_ns) // 10, CLOSEST_NS)
    return written(start_ns - axis.zero_ns - room_ns, end_ns - axis.zero_ns + room_ns)
