"""/healthz: the process answers. /readyz: what it is made of works. /api/v1/status: what it has done."""

from __future__ import annotations

import time

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from collector.grpc import receiver
from collector.ingest import ingest
from dashboard import kept
from dashboard.mcp_process import mcp_process
from dashboard.worker import run_worker
from sandboxes.watch import standing, watcher

Check = dict[str, str]


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """Alive."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """200, or 503 when telemetry would not be kept. No cluster and no worker is no failure."""
    checks = {
        "database": _database(),
        "writer": _running(ingest.running, "takes telemetry", "the writer thread does not run"),
        "watcher": _watcher(),
        "worker": run_worker.check,
        "mcp": mcp_process.check,
        "grpc": _running(receiver.running, f"port {receiver.port}", "the gRPC receiver does not run"),
    }
    failed = any(check["status"] == "failed" for check in checks.values())
    return JsonResponse({"status": "failed" if failed else "ok", "checks": checks}, status=503 if failed else 200)


@require_safe
@never_cache
def status(request: HttpRequest) -> JsonResponse:
    """What the receivers have done since they started. Times are decimal strings, as everywhere in the API."""
    stats = ingest.stats
    return JsonResponse(
        {
            "started_ns": str(stats.started_ns),
            "spans": stats.spans,
            "points": stats.points,
            "logs": stats.logs,
            "rejected": stats.rejected,
            "last_rejection": stats.last_rejection,
            "turned_away": stats.turned_away,
            "last_receipt_ns": str(stats.last_receipt_ns) if stats.last_receipt_ns else None,
            "spans_per_s": stats.spans_per_s,
            "transactions": stats.transactions,
            "retention": kept.status(),
            "cpu_ns": {
                "decode": str(stats.decode_ns),
                "write": str(stats.write_ns),
                "process": str(time.process_time_ns()),
            },
        }
    )


def _database() -> Check:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM collector_epoch LIMIT 1")
    except DatabaseError as error:
        return {"status": "failed", "detail": f"{type(error).__name__}: {error}"[:200]}
    return {"status": "ok", "detail": connection.vendor}


def _watcher() -> Check:
    """Who watches the cluster: this process, or another one for all."""
    try:
        state = standing(watcher.state)
    except DatabaseError:  # which is a check of its own
        state = watcher.state
    return {"status": state.status, "detail": state.sentence}


def _running(running: bool, well: str, failed: str) -> Check:
    return {"status": "ok", "detail": well} if running else {"status": "failed", "detail": failed}
