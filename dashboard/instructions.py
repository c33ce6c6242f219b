"""What to type so that telemetry arrives here: commands with this very address in them, to be copied as they are.

Before: a browser asked for a page under some name. After: the pages Setup and home.

OpenTelemetry's Python distro speaks gRPC unless told otherwise and has no HTTP exporter of its own; `[tracing]` of the
Agent Sandbox SDK brings both. OTEL_PYTHON_LOG_CORRELATION makes the program's log lines arrive as well.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest

from dashboard.addresses import grpc_endpoint, host_of, http_endpoint, pages_url

KEY_HEADER = "x-otlp-api-key"
INSTALL = 'pip install "k8s-agent-sandbox[tracing]" opentelemetry-distro\nopentelemetry-bootstrap -a install'
INSTALL_ANY = 'pip install "opentelemetry-distro[otlp]"\nopentelemetry-bootstrap -a install'
# As README has it: with the Python that `make` set up, when that is the one that runs.
MANAGE = f"{'.venv/bin/python' if Path(sys.prefix) == settings.BASE_DIR / '.venv' else 'python'} manage.py"
INSTALL_JAVASCRIPT = "npm install @opentelemetry/api @opentelemetry/auto-instrumentations-node"


@dataclass(frozen=True, slots=True)
class Instructions:
    """Commands by what they are for; `key_header` is empty when senders need no key."""

    pages: str
    http: str
    grpc: str
    key_header: str
    install: str
    install_any: str
    run: str
    run_grpc: str
    environment: str
    install_javascript: str
    run_javascript: str
    collector: str
    read: str


def instructions(request: HttpRequest) -> Instructions:
    """For whoever asked, by the name they know this machine by."""
    asked = host_of(request)
    http, grpc = http_endpoint(asked), grpc_endpoint(asked)
    key_header = KEY_HEADER if settings.OTLP_API_KEY else ""
    headers = [f"OTEL_EXPORTER_OTLP_HEADERS={KEY_HEADER}=YOUR_KEY"] if key_header else []
    over_http = ["OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", f"OTEL_EXPORTER_OTLP_ENDPOINT={http}", *headers]
    over_grpc = ["OTEL_EXPORTER_OTLP_PROTOCOL=grpc", f"OTEL_EXPORTER_OTLP_ENDPOINT={grpc}", *headers]
    name, logs, python = "OTEL_SERVICE_NAME=my-agent", "OTEL_PYTHON_LOG_CORRELATION=true", "python main.py"
    return Instructions(
        pages=pages_url(asked),
        http=http,
        grpc=grpc,
        key_header=key_header,
        install=INSTALL,
        install_any=INSTALL_ANY,
        run=_command(name, *over_http, logs, f"opentelemetry-instrument {python}"),
        run_grpc=_command(name, *over_grpc, logs, f"opentelemetry-instrument {python}"),
        environment="\n".join(f"export {variable}" for variable in (name, *over_http)),
        install_javascript=INSTALL_JAVASCRIPT,
        run_javascript=_command(
            name, *over_http, "node --require @opentelemetry/auto-instrumentations-node/register main.js"
        ),
        collector=_collector(http, key_header),
        read=_read(pages_url(asked)),
    )


def _command(*parts: str) -> str:
    return " \\\n".join(parts)


def _collector(http: str, key_header: str) -> str:
    lines = ["exporters:", "  otlphttp/dashboard:", f"    endpoint: {http}"]
    if key_header:
        lines += ["    headers:", f"      {key_header}: YOUR_KEY"]
    return "\n".join(lines)


def _read(pages: str) -> str:
    """The same answer twice: as JSON, and as CSV."""
    curl = 'curl -H "Authorization: Bearer YOUR_TOKEN"' if settings.DASHBOARD_TOKEN else "curl"
    return f"{curl} '{pages}api/v1/spans?status=error&range=1h'\n{curl} '{pages}export/spans.csv?status=error&range=1h'"
