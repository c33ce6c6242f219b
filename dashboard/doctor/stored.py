"""What the database knows that checks ask for: telemetry, claims, what joins them, what their clocks say.

Read at once, in the thread the database belongs to, before the checks run beside each other.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Max

from collector import queries
from collector.models import Log, MetricPoint, Span, Trace
from collector.rewriting import was_stored_before
from sandboxes.lifecycle import from_json
from sandboxes.models import Claim, Link
from sandboxes.questions import AMBIGUOUS
from sandboxes.records import SECOND, Clock, Lifecycle, Milestone

LOOKED_AT = 200  # newest claims
CLOCKED = 50  # of them, for clocks: each is a story to read
SILENT = "controller silent"
REQUEST_NS = SECOND  # what a request to create a claim may take


@dataclass(frozen=True, slots=True)
class Stored:
    """`problem` is why nothing could be read; then all else is empty."""

    problem: str = ""
    pending_migrations: int = 0
    vendor: str = ""
    bytes: int = 0
    newest_span_ns: int | None = None
    newest_log_ns: int | None = None
    newest_point_ns: int | None = None
    claims: int = 0  # looked at, the newest
    joined: int = 0  # of them with spans
    observed: str = ""  # the newest claim a controller took up
    observed_ns: int = 0
    silent: tuple[str, ...] = ()  # claims that wait for a controller now
    client_ahead_ns: tuple[int, int] | None = None  # of the API server; between two bounds
    before_redaction: bool = False  # some of it may have been stored before today's rules


def read_stored() -> Stored:
    """What there is; never raises for a database that is away."""
    try:
        connection.ensure_connection()
        executor = MigrationExecutor(connection)
        pending = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        if pending:
            return Stored(pending_migrations=pending, vendor=connection.vendor)
        return _read()
    except DatabaseError as error:
        return Stored(problem=" ".join(str(error).split())[:200] or type(error).__name__, vendor=connection.vendor)


def _read() -> Stored:
    rows = list(Claim.objects.order_by("-zero_ns", "-id").defer("lifecycle")[:LOOKED_AT])
    uids = [row.uid for row in rows]
    linked = Link.objects.filter(claim_uid__in=uids).exclude(certainty=AMBIGUOUS)
    stories = [from_json(value) for value in _newest_stories()]
    observed = next((story for story in stories if _is_observed(story)), None)
    bounds = [found for story in stories if (found := _client_ahead(story))]
    return Stored(
        vendor=connection.vendor,
        bytes=queries.database_bytes(),
        newest_span_ns=_newest(Trace, "end_ns") if Span.objects.exists() else None,
        newest_log_ns=_newest(Log, "time_ns"),
        newest_point_ns=_newest(MetricPoint, "time_ns"),
        claims=len(rows),
        joined=linked.values("claim_uid").distinct().count(),
        observed=observed.name if observed else "",
        observed_ns=_observed_ns(observed) if observed else 0,
        silent=tuple(row.name for row in rows if row.cause == SILENT and row.deleted_ns is None),
        client_ahead_ns=_within_all(bounds),
        before_redaction=settings.REDACTION is not None and was_stored_before(),
    )


def _newest_stories() -> Iterable[dict[str, object]]:
    watched = Claim.objects.filter(cluster__isnull=False).order_by("-zero_ns", "-id")
    return list(watched.values_list("lifecycle", flat=True)[:CLOCKED])


def _newest(model: type[Trace] | type[Log] | type[MetricPoint], column: str) -> int | None:
    newest_ns: int | None = model._default_manager.aggregate(newest=Max(column))["newest"]
    return None if newest_ns is None else min(newest_ns, time.time_ns())


def _is_observed(story: Lifecycle) -> bool:
    return Milestone.OBSERVED in story.moments or Milestone.BOUND in story.moments


def _observed_ns(story: Lifecycle) -> int:
    moments = (story.moments.get(each) for each in (Milestone.OBSERVED, Milestone.BOUND))
    return next(moment.time_ns for moment in moments if moment)


def _client_ahead(story: Lifecycle) -> tuple[int, int] | None:
    """How far a client's clock is ahead of the cluster's, between two bounds: it asked before the claim was made.

    By how much before cannot be known: a few ms as a rule, longer for one that had to ask again.
    """
    requested, created = story.moments.get(Milestone.REQUESTED), story.moments.get(Milestone.CREATED)
    if requested is None or created is None or requested.clock is not Clock.CLIENT:
        return None
    return requested.time_ns - created.upper_ns, requested.time_ns - created.lower_ns + REQUEST_NS


def _within_all(bounds: list[tuple[int, int]]) -> tuple[int, int] | None:
    """The newest claim's bounds, made tighter by those before it as long as they agree: clocks are set in between."""
    if not bounds:
        return None
    low, high = bounds[0]
    for lower, upper in bounds[1:]:
        if max(low, lower) > min(high, upper):
            break
        low, high = max(low, lower), min(high, upper)
    return low, high
