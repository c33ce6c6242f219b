"""/runs/<id>/: one run of test sandboxes, growing while it goes on; its cancellation, its note, its comparison."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from collector.ingest import Unavailable, ingest
from collector.writer import Committed
from dashboard.runs import sheet, stages
from dashboard.worker import run_worker
from sandboxes.models import Run, RunComparison
from sandboxes.runs import questions, recording, tasks

MAX_NOTE_CHARS = 2_000
ALL_ROWS = 10_000


@never_cache
@require_safe
def run(request: HttpRequest, uid: str) -> HttpResponse:
    """The page, or with `X-Partial` what changes on it."""
    row = _found(uid)
    shown = sheet.read(row, time.time_ns(), ALL_ROWS if request.GET.get("rows") == "all" else sheet.ROWS)
    earlier = _compared_with(request, row)
    context: dict[str, Any] = {
        "run": row,
        "sheet": shown,
        "plan": shown.plan,
        "stages": stages.read(row, shown.measures, shown.samples, earlier),
        "earlier": questions.earlier(row),
        "worker": run_worker.sentence,
        "all_rows": request.GET.get("rows") == "all",
        "problem": request.GET.get("problem", "")[:200],
    }
    return render(request, "dashboard/_run.html" if "X-Partial" in request.headers else "dashboard/run.html", context)


@require_POST
def cancel_run(request: HttpRequest, uid: str) -> HttpResponse:
    """Asks the run to stop: it starts no more sandboxes and deletes those it has."""
    _found(uid)
    return _back(uid, partial(recording.cancel, uid))


@require_POST
def annotate_run(request: HttpRequest, uid: str) -> HttpResponse:
    """Keeps a note."""
    _found(uid)
    return _back(uid, partial(recording.annotate, uid, request.POST.get("note", "").strip()[:MAX_NOTE_CHARS]))


@require_POST
def compare_run(request: HttpRequest, uid: str) -> HttpResponse:
    """Asks the worker to compare it with an earlier run, unless that was done."""
    return compare_with(_found(uid), _found(request.POST.get("with", "")))


def compare_with(row: Run, earlier: Run) -> HttpResponse:
    """Has it compared, and goes to its page."""

    def ask(committed: Committed) -> None:
        if not RunComparison.objects.filter(run=row, earlier=earlier).exists():
            tasks.compare.enqueue(row.uid, earlier.uid)

    answer = _back(row.uid, partial(ingest.run_from_thread, ask), f"?with={earlier.uid}")
    run_worker.wake()
    return answer


def _back(uid: str, write: Any, query: str = "") -> HttpResponse:
    """Writes, and goes back to the run's page."""
    try:
        write()
    except Unavailable as error:
        return HttpResponse(f"Nothing was changed: {error}\n", status=503, content_type="text/plain")
    return HttpResponseRedirect(reverse("run", args=[uid]) + query)


def _found(uid: str) -> Run:
    row = questions.run_of(uid)
    if row is None:
        raise Http404(f"no run {uid}")
    return row


def _compared_with(request: HttpRequest, row: Run) -> Run | None:
    """The run that was asked for, else the last of the same form."""
    if asked := request.GET.get("with"):
        earlier = questions.run_of(asked)
        return None if earlier == row else earlier
    done = RunComparison.objects.filter(run=row).order_by("-earlier_id").values_list("earlier_id", flat=True).first()
    return Run.objects.filter(pk=done).first() if done else None
