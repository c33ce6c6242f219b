"""What is stored of clusters, claims and runs, masked with today's rules: handed down to `collector.rewriting`.

    objects     versions of objects, and claims with their stories
    latencies   what claims' stages are measured by
    hints       what telemetry said of whose it is
    runs        test runs, once they are over

Links stay: they are words of ours, and ids. A name that is masked leads nowhere any more, as at ingest: a trace that it
led to a claim is looked at without it when something comes to that trace.
"""

from __future__ import annotations

from collector.redaction import Rules
from collector.rewriting import Kind, Merged
from sandboxes.rewriting import hints, latencies, objects, runs
from sandboxes.rewriting.hints import follow_logs, follow_spans

__all__ = ["follow_logs", "follow_spans", "kinds"]


def kinds(rules: Rules, merged: Merged) -> list[Kind]:
    """All of them; claims before what their stages are measured by."""
    return [
        *objects.kinds(rules),
        *latencies.kinds(rules, merged),
        *hints.kinds(rules, merged),
        *runs.kinds(rules),
    ]
