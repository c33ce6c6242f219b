"""All that is known of one claim: its row, its lifecycle, its objects' versions, the telemetry linked to it.

Before: a view knows the uid. After: `timeline` draws it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from collector.models import Log
from dashboard.trace.reading import read_linked
from dashboard.trace.tree import SpanFacts
from sandboxes import questions
from sandboxes.correlate.lines import lines_of_claim
from sandboxes.lifecycle import from_json
from sandboxes.models import Claim, Link
from sandboxes.records import Change, Lifecycle

MAX_LINKS = 3_000  # spans on one page
MAX_LOGS = 300
MAX_TRACES = 200  # whose logs are looked through


@dataclass(frozen=True)
class Seen:
    """What was seen of a claim."""

    claim: Claim
    lifecycle: Lifecycle
    changes: Sequence[Change]
    links: Sequence[Link]  # MAX_LINKS at most
    more_links: bool
    traces: Mapping[str, list[SpanFacts]]
    logs: Sequence[Log]

    @property
    def evidence(self) -> dict[tuple[str, str], tuple[str, str]]:
        """What joins each span, and how sure it is."""
        return {(link.trace_id, link.span_id): (link.evidence, link.certainty) for link in self.links}

    @property
    def certainties(self) -> Mapping[str, int]:
        return Counter(link.certainty for link in self.links)

    @property
    def version(self) -> str:
        """Changes when the page would."""
        return f"{self.claim.changed_ns}-{len(self.links)}-{len(self.changes)}-{len(self.logs)}-{self.span_count}"

    @property
    def span_count(self) -> int:
        return sum(map(len, self.traces.values()))


def read(claim: Claim) -> Seen:
    """Everything there is of the claim, in a handful of queries."""
    links = questions.claim_links(claim.uid, MAX_LINKS + 1)
    shown = links[:MAX_LINKS]
    pairs = [(link.trace_id, link.span_id) for link in shown if link.certainty != questions.AMBIGUOUS]
    traces = read_linked([(link.trace_id, link.span_id) for link in shown]) if shown else {}
    return Seen(
        claim=claim,
        lifecycle=from_json(claim.lifecycle),
        changes=questions.changes_around(claim),
        links=shown,
        more_links=len(links) > MAX_LINKS,
        traces=traces,
        logs=_logs(pairs, claim),
    )


def _logs(pairs: Sequence[tuple[str, str]], claim: Claim) -> list[Log]:
    """The log records said inside linked spans, and those outside every trace that name the claim, oldest first.

    What may be another claim's is left out.
    """
    sure = set(pairs)
    traces = sorted({trace for trace, _ in sure})[:MAX_TRACES]
    lines = lines_of_claim(claim, MAX_LOGS)
    if traces:
        found = Log.objects.filter(trace_id__in=traces, span_id__in={span for _, span in sure})
        rows = found.order_by("time_ns", "id").prefetch_related("scope")[: 2 * MAX_LOGS]
        lines += [log for log in rows if (log.trace_id, log.span_id) in sure]
    return sorted(lines, key=lambda log: (log.time_ns, log.pk))[:MAX_LOGS]
