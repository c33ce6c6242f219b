"""The claim's page, drawn: the axis, the lanes, and what `cells` and `clocks` say around them.

Before: `reading` has all that is known. After: the page's templates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from dashboard.axis import Tick
from dashboard.claim.axis import ClaimAxis, Named, named
from dashboard.claim.cells import Cell, own_cells, pre_warmed_cells
from dashboard.claim.clocks import clocks
from dashboard.claim.critical import Waited, waited
from dashboard.claim.lanes import LaneRow, Shape, event_lane, object_lane
from dashboard.claim.log_lane import log_lane
from dashboard.claim.reading import Seen
from dashboard.claim.skew import Skew
from dashboard.claim.span_lanes import span_lanes
from dashboard.claim.zoom import Zoom, around, further, nearer
from sandboxes import story, timeline
from sandboxes.object_fields import text_at, time_ns
from sandboxes.questions import OPEN_STATES
from sandboxes.records import Kind, Lifecycle, Milestone, Stage

START, LIFE = "start", "life"  # what the axis shows: up to the first command, or the whole life
AFTER_READY = 0.25  # of the time to ready, shown after it where there is no command
NAMED = (
    Milestone.FIRST_COMMAND, Milestone.DELETED, Milestone.EXPIRED, Milestone.BOUND, Milestone.STARTED,
    Milestone.SCHEDULED, Milestone.POD_READY,
)  # fmt: skip
RECORDED = frozenset({"objects", "events"})  # lanes of what the watch received
NAMES = {Milestone.FIRST_COMMAND: "command"}


@dataclass(frozen=True, slots=True)
class Lane:
    """A group of rows with its head; `empty` says why there are none."""

    key: str
    title: str
    facts: str
    rows: Sequence[LaneRow]
    empty: str = ""
    shifted: str = ""  # by how much its times were corrected


@dataclass(frozen=True)
class Drawn:
    """Everything the page's templates need of one claim."""

    story: story.Story
    cells: Sequence[tuple[Cell, str]]  # and the zoom that shows the stage closely
    pre_warmed: Sequence[Cell]
    axis: ClaimAxis
    ticks: Sequence[Tick]
    named: Sequence[Named]
    lanes: Sequence[Lane]
    view: str
    is_open: bool
    now_x: float | None
    band: Shape | None  # the longest stage, through all lanes
    clocks: Sequence[str]
    skew: Skew
    zoom: Zoom | None
    nearer: str  # for the URL
    further: str
    events: Sequence[timeline.Row] = field(default=())


def draw(
    seen: Seen, view: str, now_ns: int, usual_ns: dict[str, int], say: story.Say, zoom: Zoom | None, skew: Skew,
    gone: str = "",
) -> Drawn:  # fmt: skip
    """The page of a claim at `now_ns`; `seen` is corrected for `skew`, if it says so.

    `gone` is a sentence, when telemetry of the claim's time was deleted: since when, and why.
    """
    lifecycle = seen.lifecycle
    is_open = lifecycle.state in OPEN_STATES
    objects, events = timeline.object_rows(lifecycle, seen.changes), timeline.event_rows(seen.changes)
    latest_ns = _latest_ns(seen, objects, view, now_ns if is_open else None)
    axis = ClaimAxis.over(lifecycle.zero_ns, _earliest_ns(seen), latest_ns, _pre_warmed_ns(lifecycle, objects))
    whole, axis = axis, axis.zoomed(*zoom) if zoom else axis
    longest, waits = story.longest(lifecycle), story.wait(lifecycle, now_ns)
    on_axis = named(axis, _moments(seen, now_ns if is_open else None))
    held = waited(lifecycle, {row.key for row in objects}, now_ns)
    return Drawn(
        story=story.tell(lifecycle, events, now_ns, say),
        cells=[(cell, _zoomed(axis, cell)) for cell in own_cells(lifecycle, longest, usual_ns, waits)],
        pre_warmed=pre_warmed_cells(lifecycle),
        axis=axis,
        ticks=axis.ticks([moment for moment in on_axis if moment.worded]),
        named=on_axis,
        lanes=[
            replace(lane, empty=f"None is left. {gone}") if gone and not lane.rows and _was_kept(seen, lane) else lane
            for lane in _lanes(seen, axis, objects, events, held, now_ns, skew)
        ],
        view=view,
        is_open=is_open,
        now_x=axis.at(now_ns) if is_open and axis.from_ns <= now_ns <= axis.to_ns else None,
        band=_band(axis, longest, waits),
        clocks=clocks(lifecycle),
        skew=skew,
        zoom=zoom,
        nearer=nearer(axis),
        further=further(axis, whole) if zoom else "",
        events=events,
    )


def _zoomed(axis: ClaimAxis, cell: Cell) -> str:
    return around(axis, *cell.segment) if cell.segment else ""


def _lanes(
    seen: Seen, axis: ClaimAxis, objects: Sequence[timeline.Row], events: Sequence[timeline.Row], held: Waited,
    now_ns: int, skew: Skew,
) -> list[Lane]:  # fmt: skip
    spans = span_lanes(axis, seen.traces, seen.evidence, held.client)
    shifted = skew.badge if skew.corrected else ""
    return [
        replace(_client_lane(seen, spans.client, spans.services), shifted=shifted),
        _far_lane(spans.far, spans.far_services),
        Lane("objects", "Kubernetes objects", _pool_facts(seen.lifecycle),
             object_lane(axis, objects, now_ns, held.rows),
             "No version of its objects was seen: nobody watched the cluster, or its record was not imported."),
        Lane("events", "Events", _event_facts(events), event_lane(axis, events),
             "None was seen. A cluster keeps its Events for an hour; the controller can be told to write none."),
        Lane("logs", "Logs", _count(len(seen.logs), "line"), log_lane(axis, seen.logs),
             "No log line was said inside a span of this claim. OTEL_PYTHON_LOG_CORRELATION=true sends the SDK's.",
             shifted),
    ]  # fmt: skip


def _was_kept(seen: Seen, lane: Lane) -> bool:
    """Whether a lane that is empty may once have been more. Links go with their spans; versions of the objects of a
    claim that is in a cluster stay, and of one that never was in any there were none."""
    if lane.key in RECORDED:
        return seen.claim.cluster_id is not None and (not seen.changes or seen.lifecycle.state not in OPEN_STATES)
    return not seen.links


def _moments(seen: Seen, now_ns: int | None) -> list[tuple[str, str, int | None]]:
    """What the axis names, the most telling first."""
    moments = seen.lifecycle.moments
    ready = story.ready(seen.lifecycle)
    found = [("now", "now", now_ns), ("ready", "ready", ready.time_ns if ready else None)]
    found += [(NAMES.get(name, str(name)), "", moments[name].time_ns) for name in NAMED if name in moments]
    return [*found, ("expires", "deadline", _deadline_ns(seen))]


def _deadline_ns(seen: Seen) -> int | None:
    """When the claim says it is to be shut down; of one that ended before, nothing."""
    if Milestone.EXPIRED in seen.lifecycle.moments or Milestone.DELETED in seen.lifecycle.moments:
        return None
    versions = [change for change in seen.changes if change.kind == Kind.CLAIM]
    return time_ns(text_at(versions[-1].object, "spec", "lifecycle", "shutdownTime")) if versions else None


def _latest_ns(seen: Seen, objects: Sequence[timeline.Row], view: str, now_ns: int | None) -> int:
    """Up to where the axis reaches."""
    lifecycle = seen.lifecycle
    moments = lifecycle.moments
    ready, command = story.ready(lifecycle), moments.get(Milestone.FIRST_COMMAND)
    since_ns = ready.time_ns if ready else lifecycle.zero_ns
    if view == START and command is not None and command.time_ns > since_ns:
        return _command_ended_ns(seen, since_ns, command.time_ns)
    if view == START and ready is not None:
        return ready.time_ns + round((ready.time_ns - lifecycle.zero_ns) * AFTER_READY)
    known = [moment.time_ns for moment in moments.values()]
    known += [bar.end_ns or bar.start_ns for row in objects for bar in row.bars]
    known += [span.start_ns + max(span.duration_ns or 0, 0) for spans in seen.traces.values() for span in spans]
    return max([*known, *([now_ns] if now_ns else [])], default=lifecycle.zero_ns)


def _command_ended_ns(seen: Seen, ready_ns: int, command_ns: int) -> int:
    """The end of the command that was sent then; of a long one as much as all before it took."""
    ends = [
        span.start_ns + (span.duration_ns or 0)
        for spans in seen.traces.values()
        for span in spans
        if ready_ns <= span.start_ns <= command_ns
    ]
    most_ns = 2 * command_ns - seen.lifecycle.zero_ns
    return min(max([command_ns, *ends]), most_ns)


def _earliest_ns(seen: Seen) -> int:
    starts = [span.start_ns for spans in seen.traces.values() for span in spans]
    return min([seen.lifecycle.zero_ns, *starts])


def _pre_warmed_ns(lifecycle: Lifecycle, objects: Sequence[timeline.Row]) -> int | None:
    """Where the pool's own scale begins."""
    if not any(stage.pre_warmed for stage in lifecycle.stages):
        return None
    starts = [stage.start.time_ns for stage in lifecycle.stages if stage.pre_warmed]
    starts += [bar.start_ns for row in objects for bar in row.bars]
    return min(starts)


def _band(axis: ClaimAxis, stage: Stage | None, waits: story.Wait | None) -> Shape | None:
    """The longest stage, or the one it never came out of."""
    if waits is not None:
        start_ns, end_ns, owner = waits.start_ns, waits.end_ns, waits.owner
    elif stage is not None:
        start_ns, end_ns, owner = stage.start.time_ns, stage.end.time_ns, stage.owner
    else:
        return None
    x = axis.at(start_ns)
    return Shape(x, round(axis.at(end_ns) - x, 2), f"owner-{owner}") if end_ns > start_ns else None


def _client_lane(seen: Seen, rows: Sequence[LaneRow], services: Sequence[str]) -> Lane:
    spans = sum(row.count for row in rows)
    traces = len({row.trace_id for row in rows})
    facts = f"{', '.join(services)} · {_count(traces, 'trace')}, {_count(spans, 'span')}" if rows else ""
    if seen.more_links:
        facts += f", the first {len(seen.links):,} links are drawn"
    return Lane(
        "client",
        "Client",
        facts,
        rows,
        "No span is linked to this claim. Run the program with its telemetry pointed here.",
    )


def _far_lane(rows: Sequence[LaneRow], services: Sequence[str]) -> Lane:
    facts = f"{', '.join(services)} · {_count(sum(row.count for row in rows), 'span')}" if rows else ""
    return Lane(
        "far", "Controller and router", facts, rows, "No spans received. Start the controller with --enable-tracing."
    )


def _pool_facts(lifecycle: Lifecycle) -> str:
    warm = any(stage.pre_warmed for stage in lifecycle.stages)
    return "orange: work done before this claim, by the pool" if warm else ""


def _event_facts(events: Sequence[timeline.Row]) -> str:
    said = sum(row.count for row in events)
    coarse = any(mark.lower_ns < mark.time_ns for row in events for mark in row.marks)
    return f"{said}" + (" · dotted: the second the Event reports, up to the moment we received it" if coarse else "")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
