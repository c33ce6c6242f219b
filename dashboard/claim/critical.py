"""What a claim was waiting for at each moment of its start, as parts of the timeline's rows. Plain Python.

Before: `sandboxes.lifecycle` has the stages. After: `lanes` and `span_lanes` draw a line under these parts.

Who has the ball is known by stage: the claim itself, its Sandbox or its Pod. Where there is no such row (the client's
own stages, a claim known from telemetry alone) the client's spans tell: their critical path, as a trace's page has it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from dashboard.trace.critical_path import Segment, critical_path
from dashboard.trace.tree import SpanFacts, build_tree
from sandboxes import story
from sandboxes.records import Lifecycle, Milestone

CLAIM, SANDBOX, POD = "claim", "sandbox", "pod"
HOLDERS: dict[str, str] = {  # by the milestone a stage ends with
    Milestone.OBSERVED: CLAIM,
    Milestone.BOUND: CLAIM,
    Milestone.POD_CREATED: SANDBOX,
    Milestone.SCHEDULED: POD,
    Milestone.STARTED: POD,
    Milestone.POD_READY: POD,
    Milestone.SANDBOX_READY: SANDBOX,
    Milestone.CLAIM_READY: CLAIM,
}


@dataclass(frozen=True)
class Waited:
    """The parts of rows that were waited for: by the object's row, and the windows that are left to the client."""

    rows: dict[str, list[Segment]] = field(default_factory=dict)
    client: list[Segment] = field(default_factory=list)


def waited(lifecycle: Lifecycle, keys: Collection[str], now_ns: int) -> Waited:
    """`keys` are the rows of objects there are. Pre-warmed stages were waited for by nobody."""
    holders = {CLAIM: lifecycle.uid, SANDBOX: lifecycle.sandbox_uid, POD: lifecycle.pod_uid}
    found = Waited()
    for milestone, start_ns, end_ns in _windows(lifecycle, now_ns):
        key = f"object-{holders.get(HOLDERS.get(milestone, ''), '')}"
        if end_ns <= start_ns:
            continue
        parts = found.rows.setdefault(key, []) if key in keys else found.client
        if parts and parts[-1][1] == start_ns:
            parts[-1] = (parts[-1][0], end_ns)
        else:
            parts.append((start_ns, end_ns))
    return found


def _windows(lifecycle: Lifecycle, now_ns: int) -> Iterable[tuple[str, int, int]]:
    for stage in lifecycle.stages:
        if not stage.pre_warmed:
            yield stage.end.milestone, stage.start.time_ns, stage.end.time_ns
    if waits := story.wait(lifecycle, now_ns):
        yield waits.name, waits.start_ns, waits.end_ns


def waited_spans(spans: Collection[SpanFacts], windows: Collection[Segment]) -> dict[str, list[Segment]]:
    """The parts of the client's spans that were waited for in these windows, by span id."""
    if not spans or not windows:
        return {}
    tree = build_tree(spans)
    path = critical_path(tree)
    found: dict[str, list[Segment]] = {}
    for node in tree.walk():
        parts = [
            (max(start_ns, first_ns), min(end_ns, last_ns))
            for start_ns, end_ns in path.get(id(node), ())
            for first_ns, last_ns in windows
            if start_ns < last_ns and end_ns > first_ns
        ]
        if parts and node.span is not None:
            found.setdefault(node.span_id, []).extend(parts)
    return found
