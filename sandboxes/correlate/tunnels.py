"""Whose a tunnel's port is, by what the program logged when it opened it. Plain Python.

Before: `nameless` has a call to a port of this machine, and the tunnel lines of its program. After: the sandbox behind
it, if one alone can be meant.

The SDK runs one `kubectl port-forward` for each sandbox it holds, says for which, and then at which port it is ready. A
port that a program was simply given leads to a router, and says nothing: of that no line tells.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sandboxes.correlate.keys import HintFacts
from sandboxes.hints import HintKind
from sandboxes.records import SECOND

LONGEST_START_NS = 60 * SECOND  # the SDK gives up after 30


@dataclass(slots=True)
class _Opening:
    """A tunnel that was begun. `sure`: no other one that was begun then can have become ready in its place."""

    sandbox: str
    trace_id: str
    time_ns: int
    sure: bool = True


def sandbox_behind(place: str, time_ns: int, lines: Iterable[HintFacts]) -> str:
    """The sandbox that the newest tunnel at this host and port led to then; empty when that is not certain."""
    opening: list[_Opening] = []
    found = ""
    for line in sorted(lines, key=lambda line: line.time_ns):
        if line.time_ns > time_ns:
            break
        opening = [each for each in opening if line.time_ns - each.time_ns <= LONGEST_START_NS]
        if line.kind == HintKind.TUNNEL_START:
            opening.append(_Opening(line.value, line.trace_id, line.time_ns))
            continue
        ready = _became_ready(opening, line)
        if line.value == place:
            found = ready
    return found


def _became_ready(opening: list[_Opening], line: HintFacts) -> str:
    """Takes the opening that this line ends; its sandbox, or nothing when it may be another's."""
    same_trace = [each for each in opening if line.trace_id and each.trace_id == line.trace_id]
    candidates = same_trace if len(same_trace) == 1 else opening
    if len(candidates) == 1 and candidates[0].sure:
        ready = candidates[0]
        opening.remove(ready)
        return ready.sandbox
    # One of them is ready now, and nobody can say which: none of them is sure any more.
    for each in candidates:
        each.sure = False
    return ""
