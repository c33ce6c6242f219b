"""The questions pages, API and exports ask of runs.

Before: `recording` keeps them. After: lists, and the choice of what a run is compared with.
"""

from __future__ import annotations

from django.db.models import QuerySet

from collector.telemetry_filter import in_range
from sandboxes.models import Run, RunSandbox
from sandboxes.questions import ClaimFilter
from sandboxes.runs.recording import RunState

MOST_EARLIER = 30
COMPARABLE = (RunState.FINISHED, RunState.CANCELLED, RunState.INTERRUPTED)  # what has ended, with figures


def runs(f: ClaimFilter) -> QuerySet[Run]:
    """Runs asked for in the range, newest first; of a pool or a namespace."""
    found = in_range(Run.objects.order_by("-asked_ns", "-id"), f, "asked_ns")
    for name in ("pool", "namespace"):
        if wanted := getattr(f, name):
            found = found.filter(**{f"plan__{name}": wanted})
    return found


def run_of(uid: str) -> Run | None:
    """The run of this id. None has a NUL in it, and PostgreSQL could not even be asked."""
    return None if "\0" in uid else Run.objects.filter(uid=uid).first()


def run_of_claim(name: str) -> Run | None:
    """The run that asked for the claim of this name, if one did."""
    row = RunSandbox.objects.filter(claim=name).select_related("run").order_by("-id").first() if name else None
    return row.run if row else None


def earlier(run: Run) -> list[Run]:
    """What it may be compared with: runs before it that have figures, those that asked for the same first."""
    ended = Run.objects.filter(pk__lt=run.pk, state__in=COMPARABLE)
    found = list(ended.order_by("-id")[:MOST_EARLIER])
    return sorted(found, key=lambda each: each.form != run.form)
