"""Checks of the dashboard: its addresses, its database, its disk, its watch, and the telemetry it has."""

from __future__ import annotations

import shutil
import time

from django.conf import settings

from dashboard.addresses import grpc_endpoint, http_endpoint, pages_url
from dashboard.doctor import commands
from dashboard.doctor.serving import Serving
from dashboard.doctor.shapes import Check, Subject, counted, listed
from dashboard.doctor.stored import Stored
from dashboard.instructions import MANAGE
from dashboard.templatetags.formats import duration, size

GIB = 1 << 30
LITTLE_BYTES = GIB  # free; below it somebody should look
TOO_LITTLE_BYTES = 100 << 20


def addresses(serving: Serving) -> Check:
    subject = Subject("addresses", "Addresses", "the ports of the pages and of the receivers")
    if serving.running:
        grpc = f"OTLP/gRPC {grpc_endpoint()}" if serving.grpc else "the gRPC receiver does not run"
        found = f"pages {pages_url()}, OTLP/HTTP {http_endpoint()}, {grpc}"
        if not serving.grpc:
            return subject.failed(found, "Restart the dashboard; its log says why the receiver ended.")
        here = settings.OTLP_HOST in settings.LOOPBACK_HOSTS
        return subject.ok(found + ("; from this machine only: Pods cannot send here" if here else ""))
    if serving.problem:
        return subject.failed(serving.problem, "Set DASHBOARD_PORT to another port, or DASHBOARD_TOKEN to the same.")
    if serving.busy:
        names = listed([f"port {port} ({variable})" for variable, port in serving.busy])
        fix = "Stop what listens there, or set the variable to another port."
        return subject.failed(
            f"something else holds {names}", fix, *(commands.who_listens(port) for _, port in serving.busy)
        )
    return subject.not_applicable("no dashboard runs here; its ports are free", "Start it.", f"{MANAGE} up")


def database(stored: Stored) -> Check:
    kept = settings.DATABASES["default"]
    name = "SQLite" if stored.vendor == "sqlite" else "PostgreSQL"
    subject = Subject("database", "Database", f"{name}, {kept['NAME']}")
    if stored.problem:
        return subject.failed(
            f"it cannot be read: {stored.problem}", "Check DATABASE_URL, or who owns DASHBOARD_DATA_DIR."
        )
    if stored.pending_migrations:
        changes = counted(stored.pending_migrations, "change")
        found = f"it is new, or of an older version: {changes} to be made"
        return subject.warning(found, "Starting the dashboard does it; so does this.", f"{MANAGE} migrate")
    return subject.ok(f"answers; {size(stored.bytes)}")


def redaction(stored: Stored) -> Check:
    subject = Subject("redaction", "Redaction", "what is masked before it is stored, shown or exported")
    rules = settings.REDACTION
    if rules is None:
        return subject.not_applicable("off: telemetry is kept and shown as it comes (REDACT_BUILTIN, REDACT_PATTERNS)")
    found = f"on: {counted(len(rules.patterns), 'pattern')} and {counted(len(rules.keys), 'key')}"
    if stored.before_redaction:
        found += "; what was stored before these is masked as it is read, and not in the database"
        fix = "Mask it there too, with the same REDACT_* settings: until then a copy of the database gives it away."
        return subject.warning(found, fix, f"{MANAGE} redact")
    return subject.ok(found)


def disk() -> Check:
    subject = Subject("disk", "Disk", f"free space at {settings.DASHBOARD_DATA_DIR}")
    if "sqlite" not in settings.DATABASES["default"]["ENGINE"]:
        return subject.not_applicable("the data is in PostgreSQL")
    try:
        usage = shutil.disk_usage(settings.DASHBOARD_DATA_DIR)
    except OSError as error:
        return subject.failed(f"it cannot be looked at: {error.strerror}", "Check DASHBOARD_DATA_DIR.")
    found = f"{size(usage.free)} of {size(usage.total)} free"
    fix = "Free some, keep less (RETENTION_DAYS, RETENTION_MAX_BYTES), or set DASHBOARD_DATA_DIR to a larger disk."
    if usage.free < TOO_LITTLE_BYTES:
        return subject.failed(found, fix, f"df -h {settings.DASHBOARD_DATA_DIR}")
    return subject.warning(found, fix) if usage.free < LITTLE_BYTES else subject.ok(found)


def watch(serving: Serving) -> Check:
    subject = Subject("watch", "Watch", "whether the dashboard follows the cluster")
    if settings.DASHBOARD_CLUSTER == "off":
        return subject.not_applicable("DASHBOARD_CLUSTER is off: telemetry and imported files only")
    if not serving.running:
        return subject.not_applicable("no dashboard runs here")
    if serving.watch_status == "ok":
        if any(": " in part for part in serving.watch_sentence.split("; ")[1:]):  # resource: why it is not seen
            return subject.warning(serving.watch_sentence, "Grant what is missing: see what the dashboard may read.")
        return subject.ok(serving.watch_sentence)
    if "no cluster" in serving.watch_sentence or serving.watch_status == "off":
        return subject.not_applicable(serving.watch_sentence)
    return subject.warning(serving.watch_sentence, "It is tried again by itself. See whether the cluster is reachable.")


def arriving(serving: Serving, stored: Stored) -> Check:
    subject = Subject("telemetry", "Telemetry arriving", "what the receivers took, and what is stored")
    newest = [ns for ns in (stored.newest_span_ns, stored.newest_log_ns, stored.newest_point_ns) if ns]
    send = f"OTEL_EXPORTER_OTLP_ENDPOINT={http_endpoint()} opentelemetry-instrument python main.py"
    if serving.rejected:
        found = f"{counted(serving.rejected, 'item')} refused, the last: {serving.last_rejection}"
        return subject.warning(found, "Correct the sender; all else it sent was kept.")
    if serving.last_receipt_ns:
        return subject.ok(
            f"{counted(serving.received, 'item')} since the start, the last {_ago(serving.last_receipt_ns)}"
        )
    if newest:
        return subject.ok(f"nothing since the start; the newest that is stored is from {_ago(max(newest))}")
    return subject.warning("nothing was ever received", "Point a program here.", send)


def joined(stored: Stored) -> Check:
    subject = Subject("joined", "Telemetry joined", "the newest claims, and the spans that belong to them")
    if not stored.claims:
        return subject.not_applicable("no claim was seen yet")
    if not stored.newest_span_ns:
        return subject.not_applicable(f"{counted(stored.claims, 'claim')}, and no span yet")
    found = f"{stored.joined} of the newest {counted(stored.claims, 'claim')} have spans"
    if stored.joined:
        return subject.ok(found)
    fix = (
        "Without opentelemetry-bootstrap only the commands' requests are seen, and no claim's name is in them."
        " Install the instrumentations where the program runs, and let it send its log lines."
    )
    variable = "export OTEL_PYTHON_LOG_CORRELATION=true"
    return subject.warning(found, fix, commands.BOOTSTRAP, variable)


def _ago(ns: int) -> str:
    return f"{duration(max(0, time.time_ns() - ns), 10**9)} ago"
