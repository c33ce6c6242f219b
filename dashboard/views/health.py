"""/healthz: the process answers. /readyz: what it is made of works. What it has done is `dashboard.api.status`."""

from __future__ import annotations

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from collector.grpc import receiver
from collector.ingest import ingest
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
