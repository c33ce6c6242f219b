"""The claim's page, drawn: the axis, the lanes, and what `cells` and `clocks` say around them.

Before: `reading` has all that is known. After: the page's templates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from collector.models import Log
from dashboard.attributes import one_line
from dashboard.axis import Tick
from dashboard.claim.axis import ClaimAxis
from dashboard.claim.cells import Cell, own_cells, pre_warmed_cells
from dashboard.claim.clocks import clocks
from dashboard.claim.lanes import Dot, LaneRow, Shape, event_lane, object_lane, outside, span_lanes
from dashboard.claim.reading import Seen
from dashboard.words import severity
from sandboxes import story, timeline
from sandboxes.questions import OPEN_STATES
from sandboxes.records import Lifecycle, Milestone, Stage

START, LIFE = "start", "life"  # what the axis shows: up to the first command, or the whole life
AFTER_READY = 0.25  # of the time to ready, shown after it where there is no command


@dataclass(frozen=True, slots=True)
class Lane:
    """A group of rows with its head; `empty` says why there are none."""

    key: str
    title: str
    facts: str
    rows: Sequence[LaneRow]
    empty: str = ""


@dataclass(frozen=True)
class Drawn:
    """Everything the page's templates need of one claim."""

    story: story.Story
    cells: Sequence[Cell]
    pre_warmed: Sequence[Cell]
    axis: ClaimAxis
    ticks: Sequence[Tick]
    named: Sequence[Tick]
    lanes: Sequence[Lane]
    view: str
    is_open: bool
    ready_x: float | None
    now_x: float | None
    band: Shape | None  # the longest stage, through all lanes
    clocks: Sequence[str]
    events: Sequence[timeline.Row] = field(default=())


def draw(seen: Seen, view: str, now_ns: int, usual_ns: dict[str, int], say: story.Say) -> Drawn:
    """The page of a claim at `now_ns`."""
    lifecycle = seen.lifecycle
    is_open = lifecycle.state in OPEN_STATES
    objects, events = timeline.object_rows(lifecycle, seen.changes), timeline.event_rows(seen.changes)
    latest_ns = _latest_ns(seen, objects, view, now_ns if is_open else None)
    axis = ClaimAxis.over(lifecycle.zero_ns, _earliest_ns(seen), latest_ns, _pre_warmed_ns(lifecycle, objects))
    ready, longest, waits = story.ready(lifecycle), story.longest(lifecycle), story.wait(lifecycle, now_ns)
    ready_x = axis.at(ready.time_ns) if ready and ready.time_ns <= axis.to_ns else None
    now_x = axis.at(now_ns) if is_open and now_ns <= axis.to_ns else None
    named = [Tick(x, label) for x, label in ((ready_x, "ready"), (now_x, "now")) if x is not None]
    spans = span_lanes(axis, seen.traces, seen.evidence)
    lanes = [
        _client_lane(seen, spans.client, spans.services),
        _far_lane(spans.far, spans.far_services),
        Lane("objects", "Kubernetes objects", _pool_facts(lifecycle), object_lane(axis, objects, now_ns),
             "No version of its objects was seen: nobody watched the cluster, or its record was not imported."),
        Lane("events", "Events", _event_facts(events), event_lane(axis, events),
             "None was seen. A cluster keeps its Events for an hour; the controller can be told to write none."),
        Lane("logs", "Logs", _count(len(seen.logs), "line"), [_log_row(axis, log) for log in seen.logs],
             "No log line was said inside a span of this claim. OTEL_PYTHON_LOG_CORRELATION=true sends the SDK's."),
    ]  # fmt: skip
    cells = own_cells(lifecycle, longest, usual_ns, waits)
    return Drawn(
        story=story.tell(lifecycle, events, now_ns, say),
        cells=cells,
        pre_warmed=pre_warmed_cells(lifecycle),
        axis=axis,
        ticks=axis.ticks(named),
        named=named,
        lanes=lanes,
        view=view,
        is_open=is_open,
        ready_x=ready_x,
        now_x=now_x,
        band=_band(axis, longest, waits),
        clocks=clocks(lifecycle),
        events=events,
    )


def _latest_ns(seen: Seen, objects: Sequence[timeline.Row], view: str, now_ns: int | None) -> int:
    """Up to where the axis reaches."""
    lifecycle = seen.lifecycle
    moments = lifecycle.moments
    ready, command = story.ready(lifecycle), moments.get(Milestone.FIRST_COMMAND)
    if view == START and ready is not None:
        if command is not None and command.time_ns > ready.time_ns:
            return _command_ended_ns(seen, ready.time_ns, command.time_ns)
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


def _log_row(axis: ClaimAxis, log: Log) -> LaneRow:
    word = severity(log.severity_number, log.severity_text)
    level = "error" if log.severity_number >= 17 else "warning" if log.severity_number >= 13 else ""
    x = axis.at(log.time_ns)
    dots = [Dot(x, x)] if axis.shows(log.time_ns, log.time_ns) else []
    return LaneRow(
        f"log-{log.pk}", word or "LOG", about=log.scope.name.rpartition(".")[2], kind=f"log {level}".strip(), dots=dots,
        words=one_line(log.body if log.body is not None else log.event_name, 160),
        outside=outside(axis, log.time_ns),
    )  # fmt: skip


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
