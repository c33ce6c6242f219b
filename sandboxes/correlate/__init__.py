"""Joins telemetry with claims: reads hints, decides whose each span is, writes links.

Before: `hints` are written with the spans, claims by `store`, in whatever order and however late. After: pages and
exports read the links; a span has at most one that is exact or inferred.

    claims     what of a claim tells its spans
    keys       whose a hint is
    binding    a trace's keys, spread over its spans
    lines      whose are log lines outside every trace
    tunnels    whose sandbox is behind a port of this machine
    nameless   whose are calls that name nothing; `creations` by elimination
    news       which traces have to be looked at again
    deciding   a group of traces in, links out
    reported   claims known from telemetry alone; `report_states` how they came on
    client     when the client had its claim, and sent it the first command

A trace is decided as a whole and anew each time, from what the database holds. So the order in which things come does
not matter, and nothing is kept that could be wrong after a crash: two cursors say how far the reader has come, and
move in the transaction that writes the links.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial

from collector.ingest import ingest
from collector.writer import Committed
from sandboxes.correlate import reported
from sandboxes.correlate.claims import ClaimFacts
from sandboxes.correlate.client import client_moments
from sandboxes.correlate.deciding import Traces
from sandboxes.correlate.keys import HintFacts, LinkRow
from sandboxes.correlate.news import News, Remembered, named_traces, read_news, timed_traces
from sandboxes.correlate.report_states import come_on
from sandboxes.hints import HintKind
from sandboxes.models import Claim, Cursor, Hint, Link
from sandboxes.store import add_client

GROUP = 100  # traces read at once
MAX_TOLD_ABOUT = 500  # claims a step
SLICE = 500  # rows written or deleted by one statement
HINTS, CLAIMS = "correlate hints", "correlate claims"

__all__ = ["Correlator", "correlate"]


class Correlator:
    """One reader of hints. Several, in as many processes, do no harm: whoever comes second finds the cursor moved."""

    def __init__(self) -> None:
        self._remembered = Remembered()
        self._came_to = {HINTS: 0, CLAIMS: 0}

    def step(self) -> bool:
        """Decides about what is new; whether there was anything, and so may be more. Raises Unavailable."""
        positions = _positions()
        if any(positions[name] < self._came_to[name] for name in positions):
            self._remembered = Remembered()  # all was cleared
        self._came_to = positions
        news = read_news(positions[HINTS], positions[CLAIMS], self._remembered)
        moved = {HINTS: news.hint_position, CLAIMS: news.claim_position}
        if moved == positions and not news.hint_ids and not news.changes:
            return False
        if uids := reported.outdated(news.claims):
            ingest.run_from_thread(partial(reported.take_away, uids))
        annotations = _new_annotations(news.claims)
        links = decide(news, annotations)
        work = partial(_write, positions, moved, annotations, links, news)
        # If not, another reader was faster.
        if ingest.run_from_thread(work, len(links)):
            self._remembered.take(news)
        return True


def correlate() -> None:
    """Decides about all there is: for commands, outside a server. Raises Unavailable."""
    correlator = Correlator()
    while correlator.step():
        pass


def decide(news: News, annotations: Iterable[HintFacts]) -> dict[str, list[LinkRow]]:
    """The links of each trace the news is about. Names first: what time shows depends on what they leave open."""
    annotated: dict[str, list[HintFacts]] = defaultdict(list)
    for hint in annotations:
        annotated[hint.trace_id].append(hint)
    links: dict[str, list[LinkRow]] = {}
    timed = timed_traces(news)
    for group in _groups(named_traces(news)):
        traces = Traces(group, annotated)
        links |= traces.by_name()
        timed.update(trace_id for trace_id in group if traces.has_nameless(trace_id))
    by_name = dict(links)
    for group in _groups(timed):
        links |= Traces(group, annotated).by_name_and_time(by_name)
    return links


def _groups(ids: Iterable[str]) -> Iterator[list[str]]:
    ordered = sorted(ids)
    for position in range(0, len(ordered), GROUP):
        yield ordered[position : position + GROUP]


def _positions() -> dict[str, int]:
    known = dict(Cursor.objects.filter(name__in=(HINTS, CLAIMS)).values_list("name", "position"))
    return {name: known.get(name, 0) for name in (HINTS, CLAIMS)}


def _told_about(news: News) -> set[str]:
    """The claims whose client may have said something, be it outside every span."""
    sandboxes = {hint.value for hint in news.hints if hint.kind == HintKind.SANDBOX_LOG}
    logged = Claim.objects.filter(sandbox__in=sandboxes).order_by("-zero_ns").values_list("uid", flat=True)
    return {claim.uid for claim in news.claims} | set(logged[:MAX_TOLD_ABOUT])


def _new_annotations(claims: Iterable[ClaimFacts]) -> list[HintFacts]:
    """The traces that claims name, as hints: so that spans that come later to such a trace are noticed."""
    naming = [(claim, trace_id, span_id) for claim in claims for trace_id, span_id in claim.traces]
    uids = {claim.uid for claim, _, _ in naming}
    rows = Hint.objects.filter(kind=HintKind.ANNOTATION, value__in=uids).only("value", "trace_id")
    known = {(row.value, row.trace_id) for row in rows}
    return [
        HintFacts(HintKind.ANNOTATION, claim.uid, claim.namespace, trace_id, span_id, claim.begin_ns, None)
        for claim, trace_id, span_id in naming
        if (claim.uid, trace_id) not in known
    ]


def _write(
    positions: Mapping[str, int],
    moved: Mapping[str, int],
    annotations: Sequence[HintFacts],
    links: Mapping[str, Sequence[LinkRow]],
    news: News,
    committed: Committed,
) -> bool:
    """In the writer's transaction. False, and nothing done, when another reader has moved the cursors meanwhile."""
    Cursor.objects.bulk_create([Cursor(name=name, position=0) for name in moved], ignore_conflicts=True)
    locked = Cursor.objects.select_for_update().filter(name__in=list(moved)).order_by("name")
    if {cursor.name: cursor.position for cursor in locked} != positions:
        return False
    for name, position in moved.items():
        Cursor.objects.filter(name=name).update(position=position)
    changed = set(reported.report(news.hints))
    Hint.objects.bulk_create(Hint(**asdict(hint)) for hint in annotations)
    for group in _groups(links):
        changed |= _replace({trace_id: links[trace_id] for trace_id in group})
    committed.tell("claims", sorted(changed))
    for uids in _groups(changed | _told_about(news)):
        if moments := client_moments(uids):
            add_client(moments, committed)
        come_on(uids)
    return True


def _replace(links: Mapping[str, Sequence[LinkRow]]) -> set[str]:
    """Writes what differs of these traces' links; gives the uids of the claims that have other ones now."""
    rows = Link.objects.filter(trace_id__in=list(links))
    known = {LinkRow(*values[1:]): values[0] for values in rows.values_list("pk", *LinkRow._fields)}
    wanted = {row for found in links.values() for row in found}
    stale = known.keys() - wanted
    fresh = wanted - known.keys()
    for pks in _slices([known[row] for row in stale]):
        Link.objects.filter(pk__in=pks).delete()
    Link.objects.bulk_create([Link(**row._asdict()) for row in sorted(fresh)], batch_size=SLICE)
    return {row.claim_uid for row in stale | fresh}


def _slices(items: Sequence[int]) -> Iterator[Sequence[int]]:
    for position in range(0, len(items), SLICE):
        yield items[position : position + SLICE]
