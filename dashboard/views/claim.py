"""/claims/<uid>/: one claim's time, joined from the cluster and from telemetry on one axis."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlencode

import orjson
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard.claim.kubectl import commands
from dashboard.claim.markdown import markdown
from dashboard.claim.pool_usual import usual
from dashboard.claim.reading import Seen, read
from dashboard.claim.skew import Skew, corrected, skew
from dashboard.claim.timeline import LIFE, START, draw
from dashboard.claim.timeline_html import rows_html
from dashboard.claim.zoom import Zoom, read_zoom
from dashboard.kept import claim_days, gone, sentence
from dashboard.templatetags.formats import duration
from sandboxes import story
from sandboxes.models import Claim
from sandboxes.questions import claim_of
from sandboxes.records import Milestone, State
from sandboxes.runs.questions import run_of_claim

OBJECTS = "objects"
VIEWS = (START, LIFE, OBJECTS)
MAX_OBJECTS = 200  # versions shown raw


@never_cache
@require_safe
def claim(request: HttpRequest, uid: str) -> HttpResponse:
    """The page, or with `X-Partial` what changes on it."""
    partial = "X-Partial" in request.headers
    row = claim_of(uid)
    if row is None and (named := _named(uid)):
        return HttpResponseRedirect(named)
    if row is None:
        return render(
            request,
            "dashboard/claim_missing.html",
            {"uid": uid, "claim_days": claim_days()},
            status=404,
        )
    seen = read(row)
    view = request.GET.get("view", START)
    view = view if view in VIEWS else START
    zoom = read_zoom(request.GET.get("zoom", ""))
    found = skew(seen.lifecycle)
    if request.GET.get("skew") == "corrected":
        seen, found = corrected(seen, found)
    version = f"{seen.version}-{view}-{zoom}-{found.corrected}"
    if partial and request.headers.get("X-Version") == version:
        return HttpResponse(status=204)
    context = _context(request, seen, view, zoom, found) | {"version": version}
    return render(request, "dashboard/_claim.html" if partial else "dashboard/claim.html", context)


def _named(name: str) -> str:
    """Where the claims of this name are: people know it from kubectl, and seldom the uid. Empty when there is none."""
    found = [] if "\0" in name else list(Claim.objects.filter(name=name).values_list("uid", flat=True)[:2])
    if len(found) == 1:
        return reverse("claim", args=found)
    return f"{reverse('claims')}?{urlencode({'claim': name, 'range': 'all'})}" if found else ""


def _context(request: HttpRequest, seen: Seen, view: str, zoom: Zoom | None, skew: Skew) -> dict[str, Any]:
    now_ns = time.time_ns()
    pool = usual(seen.claim)
    lost = gone(seen.lifecycle.zero_ns)
    drawn = draw(
        seen, view if view != OBJECTS else START, now_ns, dict(pool.stages_ns), duration, zoom, skew,
        sentence(lost["pruned"]) if lost else "",
    )  # fmt: skip
    lifecycle, ready = seen.lifecycle, story.ready(seen.lifecycle)
    used = Milestone.FIRST_COMMAND in lifecycle.moments  # so it was ready, whether or not anybody saw when
    ended = lifecycle.moments.get(Milestone.DELETED) or lifecycle.moments.get(Milestone.EXPIRED)
    context: dict[str, Any] = {
        "claim": seen.claim,
        "lifecycle": lifecycle,
        "seen": seen,
        "drawn": drawn,
        "pool": pool,
        "run": run_of_claim(seen.claim.name),
        "view": view,
        "ready": ready,
        "to_ready_ns": ready.time_ns - lifecycle.zero_ns if ready else None,
        "open_ns": now_ns - lifecycle.zero_ns,
        "lived_ns": ended.time_ns - lifecycle.zero_ns if ended else None,
        "lived_precision_ns": ended.precision_ns if ended else None,
        "starting": lifecycle.state in (State.STARTING, State.STUCK) and ready is None and not used,
        "used": used,
        "commands": commands(
            lifecycle.name, lifecycle.namespace, drawn.is_open, ended.time_ns if ended else None, now_ns
        ),
        "markdown": markdown(seen.claim, lifecycle, drawn, request.build_absolute_uri(request.path)),
    }
    if not (seen.links and seen.changes):
        context |= lost
    if view == OBJECTS:
        return context | {"objects": _raw(seen), "not_shown": max(len(seen.changes) - MAX_OBJECTS, 0)}
    traces, icons = reverse("traces"), static("icons.svg")
    # Escaped piece by piece in timeline_html.
    context["lanes"] = [(lane, mark_safe(rows_html(lane.rows, traces, icons))) for lane in drawn.lanes]  # noqa: S308
    return context


def _raw(seen: Seen) -> list[dict[str, Any]]:
    """Each version as it came, newest last."""
    return [
        {"change": change, "json": orjson.dumps(change.object, option=orjson.OPT_INDENT_2).decode()}
        for change in seen.changes[-MAX_OBJECTS:]
    ]
