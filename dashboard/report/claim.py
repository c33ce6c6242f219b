"""The report of a claim: where its time went, each stage with how well it is known, what shows it.

Before: `claim.reading` and `claim.timeline`, as on the claim's page. After: `document` writes it.
"""

from __future__ import annotations

import time

from dashboard.claim.pool_usual import usual
from dashboard.claim.reading import Seen, read
from dashboard.claim.skew import skew
from dashboard.claim.timeline import LIFE, Drawn, draw
from dashboard.owners import owner
from dashboard.report.figures import Bar, bars_on_axis
from dashboard.report.parts import Cell, Figure, Number, Report, Section, Table, length, moment, number, text
from dashboard.templatetags.claims import from_zero, stage_length
from dashboard.templatetags.formats import duration, value
from dashboard.trace.tree import SpanFacts
from dashboard.words import severity
from sandboxes import timeline
from sandboxes.models import Claim
from sandboxes.records import Lifecycle
from sandboxes.timeline import Tone

MOST_SPANS = 500  # in the table; spans.csv has them all
MOST_BARS = 30  # spans in the figure
MOST_LOGS = 200
TONES = {
    Tone.WAITING: "not-ready",
    Tone.RUNNING: "running",
    Tone.READY: "ready",
    Tone.PREPARING: "warm",
    Tone.POOLED: "warm",
    Tone.WARNING: "warning",
    Tone.FAILED: "error",
    Tone.ENDING: "not-ready",
}


def claim_report(claim: Claim, source: str) -> Report:
    """As the claim is now."""
    now_ns = time.time_ns()
    seen, pool = read(claim), usual(claim)
    found = skew(seen.lifecycle)
    drawn = draw(seen, LIFE, now_ns, dict(pool.stages_ns), duration, None, found)
    lifecycle = seen.lifecycle
    clocks = [f"Clocks: {found.words}", *drawn.clocks] if found.words else list(drawn.clocks)
    return Report(
        name=f"claim-{claim.name or claim.uid}",
        title=claim.name or "(no name)",
        kind="SandboxClaim",
        made_ns=now_ns,
        source=source,
        facts=_facts(claim, lifecycle),
        lead=drawn.story.text,
        sections=[
            _result(claim, lifecycle, drawn, pool.words),
            _timeline(seen, drawn, now_ns),
            Section("Stages", " ".join(f"{words}." for words in clocks), tables=[_stages(lifecycle, pool.stages_ns)]),
            Section("Events", tables=[_events(lifecycle, drawn)]),
            _spans(seen),
            Section("Logs", tables=[_logs(seen)]),
        ],
    )


def _facts(claim: Claim, lifecycle: Lifecycle) -> list[tuple[str, str]]:
    found = [
        ("State", lifecycle.state + (f": {claim.reason}" if claim.reason else "")),
        ("Start", str(lifecycle.start_type)),
        ("Namespace", claim.namespace),
        ("Pool", claim.pool),
        ("Template", claim.template),
        ("Sandbox", claim.sandbox),
        ("Pod", claim.pod),
        ("Node", claim.node),
        ("Cluster", claim.cluster.name if claim.cluster else "none: told from telemetry alone"),
        ("uid", claim.uid),
    ]
    return [(name, words) for name, words in found if words]


def _result(claim: Claim, lifecycle: Lifecycle, drawn: Drawn, compared: str) -> Section:
    ready = claim.time_to_ready_ns
    found = [
        Number("Time to ready", length(ready, claim.time_to_ready_precision_ns or 1), compared),
        Number("Begins", moment(lifecycle.zero_ns), "UTC"),
    ]
    proofs = [proof.text + _at(proof.time_ns, lifecycle) for proof in drawn.story.proofs]
    words = [f"Proof: {'; '.join(proofs)}."] if proofs else []
    return Section("Result", numbers=found, words=words + ([drawn.story.advice] if drawn.story.advice else []))


def _at(ns: int | None, lifecycle: Lifecycle) -> str:
    return "" if ns is None else f" {from_zero(ns, lifecycle.zero_ns)}"


def _timeline(seen: Seen, drawn: Drawn, now_ns: int) -> Section:
    """Stages, objects and the first spans on one axis; what the pool did before is in the table of stages."""
    lifecycle = seen.lifecycle
    zero_ns = lifecycle.zero_ns
    bars = [
        Bar(
            f"stage-{stage.name}",
            stage.name,
            stage.owner,
            stage.start.time_ns,
            stage.end.time_ns,
            f"{stage.end.clock} clock",
        )
        for stage in lifecycle.stages
        if not stage.pre_warmed
    ]
    for row in timeline.object_rows(lifecycle, seen.changes):
        bars += [
            Bar(
                row.key,
                f"{row.label} {row.about}".strip(),
                TONES[bar.tone],
                max(bar.start_ns, zero_ns),
                end_ns,
                bar.words,
            )
            for bar in row.bars
            if (end_ns := bar.end_ns or (now_ns if drawn.is_open else bar.start_ns)) >= zero_ns
        ]
    bars += [
        Bar(
            f"{trace}-{span.span_id}",
            span.name,
            _owner(span),
            span.start_ns,
            span.start_ns + (span.duration_ns or 0),
            span.service,
        )
        for trace, span in _ordered(seen)[:MOST_BARS]
    ]
    chart = bars_on_axis(bars, zero_ns, "Nothing of it has a known time.")
    rows = len({bar.key for bar in bars})
    height = "taller" if rows > 16 else "tall" if rows > 7 else ""
    note = "Seconds since the client's request, or the claim's creation where that is the first that is known."
    figure = Figure("timeline", "Stages, Kubernetes objects, spans", chart, height)
    return Section("Timeline", note, figures=[figure])


def _stages(lifecycle: Lifecycle, usual_ns: object) -> Table:
    usual_of = usual_ns if isinstance(usual_ns, dict) else {}
    rows = []
    for stage in lifecycle.stages:
        rows.append(
            [
                text(stage.name + (" (pre-warmed)" if stage.pre_warmed else ""), owner=stage.owner),
                text(str(stage.end.clock)),
                text(stage.end.source),
                length(stage.duration_ns, words=stage_length(stage)),
                length(stage.lower_ns),
                length(stage.upper_ns),
                length(None if stage.pre_warmed else usual_of.get(stage.name)),
                Cell(from_zero(stage.end.time_ns, lifecycle.zero_ns), str(stage.end.time_ns)),
            ]
        )
    columns = ("Stage", "Clock", "Known from", "Took", "At least", "At most", "Usual here", "Ended")
    return Table("stages", columns, rows, numbers=3, empty="No two of its milestones are known.")


def _events(lifecycle: Lifecycle, drawn: Drawn) -> Table:
    rows = [
        [
            text(row.label, tone="warning" if row.warning else ""),
            text(row.about),
            text(row.words),
            number(row.count),
            Cell(from_zero(row.marks[0].time_ns, lifecycle.zero_ns), str(row.marks[0].time_ns)),
        ]
        for row in drawn.events
    ]
    return Table("events", ("Event", "About", "Message", "Said", "First"), rows, numbers=3, empty="No Event was seen.")


def _ordered(seen: Seen) -> list[tuple[str, SpanFacts]]:
    found = [(trace, span) for trace, spans in seen.traces.items() for span in spans]
    return sorted(found, key=lambda pair: (pair[1].start_ns, pair[1].span_id))


def _owner(span: SpanFacts) -> str:
    return owner(span.service, span.scope, span.name, span.attributes)


def _spans(seen: Seen) -> Section:
    evidence, zero_ns, found = seen.evidence, seen.lifecycle.zero_ns, _ordered(seen)
    rows = [
        [
            text(span.name, owner=_owner(span), tone="error" if span.is_error else ""),
            text(span.service),
            text(" ".join(evidence.get((trace, span.span_id), ()))),
            text(f"{trace} {span.span_id}"),
            Cell(from_zero(span.start_ns, zero_ns), str(span.start_ns)),
            length(span.duration_ns),
        ]
        for trace, span in found[:MOST_SPANS]
    ]
    columns = ("Span", "Service", "Linked by", "Trace and span id", "Began", "Took")
    note = f"The first {MOST_SPANS} of {len(found)}." if len(found) > MOST_SPANS else ""
    return Section("Spans", note, tables=[Table("spans", columns, rows, numbers=4, empty="No span is linked to it.")])


def _logs(seen: Seen) -> Table:
    rows = [
        [moment(log.time_ns), text(severity(log.severity_number, log.severity_text)), text(value(log.body)[:2_000])]
        for log in seen.logs[:MOST_LOGS]
    ]
    note = f"The first {MOST_LOGS} of {len(seen.logs)}." if len(seen.logs) > MOST_LOGS else ""
    return Table("logs", ("Time", "Severity", "Line"), rows, numbers=3, empty="No log line is linked to it.", note=note)
