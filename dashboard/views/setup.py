"""/setup/: how to send telemetry here, what the receivers have seen, whether all is in place; import, a fresh start."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from io import BytesIO
from typing import Any, BinaryIO, cast

from django.conf import settings
from django.db import connection
from django.db.models import Max, Min, Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from collector import queries
from collector.clearing import clear
from collector.grpc import receiver
from collector.importing import Account, import_stream
from collector.ingest import Unavailable, ingest
from collector.models import Log, MetricPoint, Span
from collector.zone import local_zone, named_zone
from dashboard import kept
from dashboard.addresses import host_of
from dashboard.agent_instructions import agent_instructions
from dashboard.doctor import Examination, Status, examination, remembered
from dashboard.instructions import instructions
from sandboxes.models import Claim, Run
from sandboxes.watch import standing, watcher

COUNTED = 20_000  # rows; beyond it a number is worked out from the ids
KINDS: tuple[tuple[str, type[Model]], ...] = (
    ("spans", Span),
    ("log records", Log),
    ("metric points", MetricPoint),
    ("claims", Claim),
    ("test runs", Run),
)
PASTED = "what you pasted"


@dataclass(frozen=True, slots=True)
class Held:
    """How many rows of a kind are stored; `about` when they were not counted one by one."""

    name: str
    rows: int
    about: bool


@never_cache
@require_safe
def setup(request: HttpRequest) -> HttpResponse:
    """The page, or with `X-Partial` what changes on it."""
    part = request.headers.get("X-Partial")
    if part == "checks":
        return render(request, "dashboard/_setup_checks.html", _checks(examination()))
    if part:
        return render(request, "dashboard/_setup_state.html", _state(request))
    # A cluster that is away takes its time-out: the page does not wait for it, but for those without JavaScript.
    found = examination() if "look" in request.GET else remembered()
    context = {
        "cleared": request.GET.get("cleared"),
        "agents": agent_instructions(host_of(request)),
        **_state(request),
        **_checks(found),
    }
    return render(request, "dashboard/setup.html", context)


def _checks(found: Examination | None) -> dict[str, Any]:
    if found is None:
        return {"examination": None}
    return {
        "examination": found,
        "tally": found.tally,
        "present": [check for check in found.checks if check.status is not Status.NOT_APPLICABLE],
        "absent": [check for check in found.checks if check.status is Status.NOT_APPLICABLE],
    }


def _state(request: HttpRequest) -> dict[str, Any]:
    now = kept.kept()
    return {
        "instructions": instructions(request),
        "stats": ingest.stats,
        "receiving": ingest.running,
        "grpc_running": receiver.running,
        "held": _held(),
        "kept": now,
        "kept_limits": kept.limits(),
        "kept_why": kept.why(now.latest) if now.latest else "",
        "database": "SQLite" if connection.vendor == "sqlite" else "PostgreSQL",
        "public": settings.DASHBOARD_PUBLIC_URL,
        "watching": standing(watcher.state),
    }


def _held() -> list[Held]:
    """What is stored, a line a kind: all of it goes when everything is cleared."""
    held = []
    for name, model in KINDS:
        rows, about = queries.count_up_to(model._default_manager.all(), COUNTED)
        if about:  # counting millions would take seconds; ids have few gaps
            ids = model._default_manager.aggregate(first=Min("id"), last=Max("id"))
            rows = ids["last"] - ids["first"] + 1
        held.append(Held(name, rows, about))
    return held


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def import_telemetry(request: HttpRequest) -> HttpResponse:
    """Stores files or a pasted text, and says what became of them, line by line."""
    if request.method != "POST":
        return HttpResponseRedirect(reverse("setup") + "#import")
    zone, zone_problem = _zone(request)
    problems = {"zone": zone_problem} if zone_problem else {}
    files = _given(request)
    if not files:
        problems["file"] = "Choose a file or paste a text: there is nothing to import yet."
    context: dict[str, Any] = {"problems": problems, "zone": request.POST.get("zone"), "text": request.POST.get("text")}
    status = 400
    if not problems:
        try:
            accounts = [_import(name, stream, zone) for name, stream in files]
            context |= {"accounts": accounts, "held_any": any(each.held for each in accounts), "text": ""}
            status = 200
        except Unavailable as error:
            problems["file"] = f"Not all of it was stored: {error}. Import it again: nothing is stored twice."
            status = 503
    return render(request, "dashboard/setup_import.html", context, status=status)


def _zone(request: HttpRequest) -> tuple[tzinfo | None, str]:
    """The zone that was named, and what is wrong with it."""
    name = request.POST.get("zone", "").strip()
    try:
        return (named_zone(name) if name else None), ""
    except ValueError as error:
        return None, f"{error}."


def _given(request: HttpRequest) -> list[tuple[str, BinaryIO]]:
    """Names and contents of what was sent: files, a pasted text, or both."""
    files = [(file.name or "file", cast(BinaryIO, file.file)) for file in request.FILES.getlist("file")]
    text = request.POST.get("text", "")
    return [*files, (PASTED, BytesIO(text.encode()))] if text.strip() else files


def _import(name: str, stream: BinaryIO, zone: tzinfo | None) -> Account:
    local = local_zone(settings.STARTED_IN_TZ)
    return import_stream(stream, name, ingest.save_from_thread, zone=zone, local_zone=local)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def clear_everything(request: HttpRequest) -> HttpResponse:
    """Asks, and with POST deletes all of it."""
    context: dict[str, Any] = {"held": _held(), "database_bytes": queries.database_bytes()}
    if request.method != "POST":
        return render(request, "dashboard/setup_clear.html", context)
    try:
        clear()
    except Unavailable as error:
        return render(request, "dashboard/setup_clear.html", context | {"failed": str(error)}, status=503)
    return HttpResponseRedirect(reverse("setup") + "?cleared=1")
