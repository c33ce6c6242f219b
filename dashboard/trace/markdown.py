"""A trace, or a span with all below it, as Markdown: what a bug report needs, in a length an issue takes.

Before: `views.trace_markdown` read the spans. After: the page's button copies it, or `curl` takes it from its address.

Bounded whatever the trace: of its spans those with errors, the slowest by themselves, and what these are in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from collector.models import Log
from dashboard.csv_rows import iso_time
from dashboard.markdown import block, cell, code, one_line, plain
from dashboard.templatetags.formats import count, duration, value
from dashboard.trace.critical_path import critical_path
from dashboard.trace.tree import Node, SpanFacts, TraceTree, build_tree
from dashboard.words import severity
from sandboxes.questions import Linked

MOST_SPANS = 40
MOST_ERRORS = 20  # of those
MOST_ABOVE = 6  # of what a span is in
MOST_WAITED_FOR = 8
MOST_LOGS = 10
MOST_ATTRIBUTES = 30
MOST_EVENTS = 5
MOST_SERVICES = 8
NAME, MESSAGE, VALUE, LINE = 80, 160, 200, 300  # characters


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of. `span_count` is all there are: of a large trace not all were read. `logs`: those of errors."""

    trace_id: str
    tree: TraceTree
    span_count: int
    linked: Sequence[Linked]
    logs: Sequence[Log]
    more_logs: bool
    url: str


@dataclass(frozen=True, slots=True)
class Detail:
    """What a span has beside its place."""

    attributes: dict[str, Any]
    events: Sequence[dict[str, Any]]


def trace_markdown(told: Told) -> str:
    """The whole trace."""
    head = told.tree.roots[0]
    spans = [node.span for node in told.tree.walk() if node.span]
    services = list(dict.fromkeys(span.service for span in spans))
    named = [code(name, NAME) for name in services[:MOST_SERVICES]]
    if len(services) > MOST_SERVICES:
        named.append(f"{len(services) - MOST_SERVICES:,} more")
    errors = sum(span.is_error for span in spans)
    name = head.span.name if head.span else "root not received"
    lines = [
        f"### Trace {plain(name, NAME)}: {_length(told.tree)}{_errors(errors)}",
        "",
        f"- {count(told.span_count)} span{'s' if told.span_count > 1 else ''} of {', '.join(named)}",
        f"- from {iso_time(told.tree.start_ns)}, trace id `{told.trace_id}`",
        *_claims(told.linked),
        f"- {told.url}",
    ]
    return _text([*lines, *_waited_for(told.tree), *_spans(told.tree, told.span_count), *_logs(told)])


def span_markdown(told: Told, span: SpanFacts, detail: Detail) -> str:
    """A span, whose tree is `below` it."""
    errors = sum(bool(node.span and node.span.is_error) for node in told.tree.walk())
    lines = [
        f"### Span {plain(span.name, NAME)}: {_taken(span)}{_errors(errors)}",
        "",
        f"- service {code(span.service, NAME)}, scope {code(span.scope, NAME)}",
        f"- from {iso_time(span.start_ns)}, span id `{span.span_id}` of trace `{told.trace_id}`",
        *([f"- error: {code(span.status_message, LINE)}"] if span.status_message else []),
        *_claims(told.linked),
        f"- {told.url}",
        *_attributes(detail.attributes),
        *_events(detail.events, span.start_ns),
    ]
    if told.span_count > 1:
        lines += [*_waited_for(told.tree), *_spans(told.tree, told.span_count)]
    return _text([*lines, *_logs(told)])


def below(tree: TraceTree, span_id: str) -> TraceTree | None:
    """The span with all below it, as a tree of its own; None when it is not there."""
    top = next((node for node in tree.walk() if node.span_id == span_id and node.span), None)
    if top is None:
        return None
    found = [node.span for node in TraceTree([top], top.start_ns, top.end_ns).walk() if node.span]
    return build_tree([replace(found[0], parent_span_id=None), *found[1:]])


def _text(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"


def _errors(number: int) -> str:
    return f", {count(number)} error{'s' if number > 1 else ''}" if number else ""


def _length(tree: TraceTree) -> str:
    return duration(tree.end_ns - tree.start_ns, max(n.span.precision_ns for n in tree.walk() if n.span))


def _taken(span: SpanFacts) -> str:
    return "end not received" if span.duration_ns is None else duration(span.duration_ns, span.precision_ns)


def _claims(linked: Sequence[Linked]) -> list[str]:
    return [
        f"- claim {code(one.claim.name or one.claim.uid, NAME)} in {code(one.claim.namespace, NAME)},"
        f" {one.claim.state}: linked by {plain(one.evidence)} ({plain(one.certainty)})"
        for one in linked
    ]


def _waited_for(tree: TraceTree) -> list[str]:
    """The critical path: which spans the trace waited for, and how long."""
    segments = critical_path(tree)
    waited = [(sum(to - since for since, to in segments.get(id(node), ())), node) for node in tree.walk() if node.span]
    first = sorted((pair for pair in waited if pair[0]), key=lambda pair: -pair[0])[:MOST_WAITED_FOR]
    whole_ns = tree.end_ns - tree.start_ns
    if len(first) < 2 or not whole_ns:
        return []
    lines = ["", "Waited for (critical path):", "", "| span | service | waited | share |", "|---|---|---|---|"]
    for ns, node in first:
        assert node.span is not None
        took = duration(ns, node.span.precision_ns)
        named = f"{cell(node.span.name, NAME)} | {cell(node.span.service, NAME)}"
        lines.append(f"| {named} | {took} | {round(100 * ns / whole_ns)} % |")
    return lines


def _spans(tree: TraceTree, span_count: int) -> list[str]:
    picked = _picked(tree)
    rows = list(_rows(tree, picked))
    said = f"Spans, {len(rows)} of {count(span_count)}: with errors, the slowest by themselves, and what these are in:"
    if len(rows) >= span_count:
        said = "Spans:"
    return ["", said, "", *block(rows)]


def _picked(tree: TraceTree) -> set[int]:
    """Which nodes to tell of, by id."""
    nodes = list(tree.walk())
    parents = {id(child): node for node in nodes for child in node.children}
    failed = [node for node in nodes if node.span and node.span.is_error][:MOST_ERRORS]
    slowest = sorted(nodes, key=lambda node: -node.self_ns)
    picked: dict[int, None] = dict.fromkeys(id(root) for root in tree.roots[:MOST_ABOVE])
    for node in [*failed, *slowest]:
        if len(picked) >= MOST_SPANS:
            break
        above: Node | None = node
        for _ in range(MOST_ABOVE):
            if above is None or len(picked) >= MOST_SPANS:
                break
            picked[id(above)] = None
            above = parents.get(id(above))
    return set(picked)


def _rows(tree: TraceTree, picked: set[int]) -> Iterator[str]:
    """A line a node, indented by how many of those above it are told of too."""
    shown: list[Node] = []  # the told-of ancestors of the node the walk is at
    for node in tree.walk():
        while shown and shown[-1].depth >= node.depth:
            shown.pop()
        if id(node) in picked:
            yield _row(node, len(shown), tree.start_ns, shown[-1] if shown else None)
            shown.append(node)


def _row(node: Node, indent: int, start_ns: int, above: Node | None) -> str:
    span = node.span
    if span is None:
        return f"{'':>9} {'':>9}  {'  ' * indent}(span {node.span_id} not received)"
    took = "open" if span.duration_ns is None else duration(span.duration_ns, span.precision_ns)
    at = "+" + duration(span.start_ns - start_ns, span.precision_ns)
    service = (
        "" if above and above.span and above.span.service == span.service else f" ({one_line(span.service, NAME)})"
    )
    problem = f"  ERROR {one_line(span.status_message, MESSAGE)}".rstrip() if span.is_error else ""
    return f"{took:>9} {at:>9}  {'  ' * indent}{one_line(span.name, NAME) or '(no name)'}{service}{problem}"


def _attributes(attributes: dict[str, Any]) -> list[str]:
    if not attributes:
        return []
    lines = ["", "| attribute | value |", "|---|---|"]
    shown = list(attributes.items())[:MOST_ATTRIBUTES]
    lines += [f"| {cell(key, NAME)} | {cell(value(item), VALUE)} |" for key, item in shown]
    if len(attributes) > len(shown):
        lines += ["", f"{len(attributes) - len(shown):,} more attributes are on the page."]
    return lines


def _events(events: Sequence[dict[str, Any]], start_ns: int) -> list[str]:
    """Exceptions with what is known of them, other events by name."""
    lines = []
    for event in events[:MOST_EVENTS]:
        attributes = event.get("attributes") or {}
        known = [str(attributes[key]) for key in ("exception.type", "exception.message") if attributes.get(key)]
        after_ns = int(event.get("time_ns") or 0) - start_ns
        at = f" +{duration(after_ns)}" if after_ns >= 0 else ""
        said = f": {code(': '.join(known), LINE)}" if known else ""
        lines.append(f"- event {code(str(event.get('name', '')), NAME)}{at}{said}")
    if len(events) > MOST_EVENTS:
        lines.append(f"- {len(events) - MOST_EVENTS:,} more events")
    return ["", *lines] if lines else []


def _logs(told: Told) -> list[str]:
    if not told.logs:
        return []
    lines = ["", f"Log lines of errors{', the first' if told.more_logs else ''}:", "", "| at | severity | line |"]
    lines.append("|---|---|---|")
    for log in told.logs:
        after_ns = log.time_ns - told.tree.start_ns
        at = f"{'+' if after_ns >= 0 else ''}{duration(after_ns, log.precision_ns)}"
        level = plain(severity(log.severity_number, log.severity_text), NAME)
        lines.append(f"| {at} | {level} | {cell(value(log.body), LINE)} |")
    return lines
