"""The dashboard that serves here: this very process, or one whose ports answer.

Before: the page Setup is drawn by the dashboard itself; `manage.py doctor` is a process of its own and asks the ports.
After: checks of addresses, of telemetry that arrives, and of who watches.
"""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from collector.grpc import receiver
from collector.ingest import ingest
from dashboard.addresses import ANY_HOST, pages_url
from sandboxes.watch.state import State

TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Serving:
    """`running` False: nobody serves here, and `busy` names ports that something else holds."""

    running: bool
    grpc: bool = False
    last_receipt_ns: int | None = None
    received: int = 0  # spans, logs and points since it started
    rejected: int = 0
    last_rejection: str = ""
    watch_status: str = "off"
    watch_sentence: str = ""
    busy: tuple[tuple[str, int], ...] = ()  # the variable and its port
    problem: str = ""


def serving(watching: State) -> Serving:
    """Asks this process, or its ports. `watching`: how the watch stands, as `sandboxes.watch.standing` says it."""
    return _this_process(watching) if ingest.running else _by_its_ports()


def _this_process(watching: State) -> Serving:
    stats = ingest.stats
    return Serving(
        running=True,
        grpc=receiver.running,
        last_receipt_ns=stats.last_receipt_ns,
        received=stats.spans + stats.logs + stats.points,
        rejected=stats.rejected,
        last_rejection=stats.last_rejection,
        watch_status=watching.status,
        watch_sentence=watching.sentence,
    )


def _by_its_ports() -> Serving:
    try:
        ready, status = _get("readyz"), _get("api/v1/status")
    except urllib.error.HTTPError as error:
        return Serving(False, problem=f"{_url()} answers with {error.code}: that is no dashboard, or its token differs")
    except (OSError, ValueError):
        return Serving(False, busy=tuple(_busy_ports()))
    checks = ready.get("checks", {})
    last_ns = status.get("last_receipt_ns")
    return Serving(
        running=True,
        grpc=checks.get("grpc", {}).get("status") == "ok",
        last_receipt_ns=int(last_ns) if isinstance(last_ns, str) and last_ns.isdecimal() else None,
        received=sum(int(status.get(name) or 0) for name in ("spans", "logs", "points")),
        rejected=int(status.get("rejected") or 0),
        last_rejection=str(status.get("last_rejection") or ""),
        watch_status=str(checks.get("watcher", {}).get("status", "off")),
        watch_sentence=str(checks.get("watcher", {}).get("detail", "")),
    )


def _url() -> str:
    """Where it is reached from this machine, whatever its public name."""
    if not settings.DASHBOARD_PUBLIC_URL:
        return pages_url()
    host = "127.0.0.1" if settings.DASHBOARD_HOST in ANY_HOST else settings.DASHBOARD_HOST
    named = f"[{host}]" if ":" in host else host
    return f"http://{named}:{settings.DASHBOARD_PORT}{settings.FORCE_SCRIPT_NAME or ''}/"


def _get(path: str) -> dict[str, Any]:
    """A JSON object. Raises OSError (HTTPError among it) and ValueError."""
    headers = {"Authorization": f"Bearer {settings.DASHBOARD_TOKEN}"} if settings.DASHBOARD_TOKEN else {}
    request = urllib.request.Request(_url() + path, headers=headers)  # noqa: S310 - our own address
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            found = json.loads(answer.read(1_000_000))
    except urllib.error.HTTPError as error:
        if error.code != 503:  # readyz says so of a database that is away, with all its words
            raise
        found = json.loads(error.read(1_000_000))
    if not isinstance(found, dict):
        raise ValueError(path)
    return found


def _busy_ports() -> list[tuple[str, int]]:
    """Ports of ours that something else listens on."""
    ports = [
        ("DASHBOARD_PORT", settings.DASHBOARD_HOST, settings.DASHBOARD_PORT),
        ("OTLP_HTTP_PORT", settings.OTLP_HOST, settings.OTLP_HTTP_PORT),
        ("OTLP_GRPC_PORT", settings.OTLP_HOST, settings.OTLP_GRPC_PORT),
        ("MCP_PORT", settings.MCP_HOST, settings.MCP_PORT),
    ]
    return [(variable, port) for variable, host, port in ports if port and _is_busy(host, port)]


def _is_busy(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
            sock.listen(1)
        except OSError:
            return True
    return False
