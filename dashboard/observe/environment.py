"""What a program is started with, so that OpenTelemetry's SDKs in it send here.

Before: our own environment, with what Django has changed in it. After: `running` starts the program in this one. A
variable that is set already stays as it is: somebody meant it.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from dashboard.addresses import http_endpoint
from dashboard.instructions import KEY_HEADER

INSTRUMENT = "opentelemetry-instrument"
RUN_ATTRIBUTE = "observe.run.id"
# What the endpoint of a signal may be set by; then its telemetry goes where it says.
ENDPOINTS = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    *(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT" for signal in ("TRACES", "METRICS", "LOGS")),
)
HTTP, GRPC = "http/protobuf", "grpc"


@dataclass(frozen=True, slots=True)
class Start:
    """A command and its environment. `elsewhere`: an endpoint that was set, so that nothing may arrive here."""

    command: list[str]
    environment: dict[str, str]
    instrumented: bool
    elsewhere: str


def outside(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment without what `manage.py` and Django have put into it."""
    found = dict(environment)
    if found.get("DJANGO_SETTINGS_MODULE") == "dashboard.settings":
        del found["DJANGO_SETTINGS_MODULE"]
    found.pop("TZ", None)
    return found | ({"TZ": settings.STARTED_IN_TZ} if settings.STARTED_IN_TZ else {})


def started_with(command: Sequence[str], environment: Mapping[str, str], run_id: str) -> Start:
    """How to start the program so that what it sends can be found by `run_id`."""
    found = outside(environment)
    instrument = _instrument(command[0], found.get("PATH", os.defpath))
    ours = {
        "OTEL_SERVICE_NAME": service_name(command),
        "OTEL_EXPORTER_OTLP_PROTOCOL": _protocol(instrument),
        "OTEL_EXPORTER_OTLP_ENDPOINT": http_endpoint(),
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_PYTHON_LOG_CORRELATION": "true",
    }
    if settings.OTLP_API_KEY:
        ours["OTEL_EXPORTER_OTLP_HEADERS"] = f"{KEY_HEADER}={settings.OTLP_API_KEY[0]}"
    given = found.get("OTEL_RESOURCE_ATTRIBUTES", "")
    if "service.name=" in given:
        del ours["OTEL_SERVICE_NAME"]
    elsewhere = next((found[name] for name in ENDPOINTS if found.get(name)), "")
    attributes = ",".join(part for part in (given, f"{RUN_ATTRIBUTE}={run_id}") if part)
    wrapped = [instrument, *command] if instrument else list(command)
    return Start(wrapped, ours | found | {"OTEL_RESOURCE_ATTRIBUTES": attributes}, bool(instrument), elsewhere)


def service_name(command: Sequence[str]) -> str:
    """The script's name, else the program's: main for `python -u main.py`, agent for `python -m agent.cli`."""
    program, *arguments = command
    if not re.fullmatch(r"(python|pypy|node)[0-9.]*", Path(program).name):
        return Path(program).stem
    for position, argument in enumerate(arguments):
        if argument == "-m" and position + 1 < len(arguments):
            return arguments[position + 1].partition(".")[0]
        if argument == "-c":
            break
        if not argument.startswith("-"):
            return Path(argument).stem
    return Path(program).name


def _instrument(program: str, path: str) -> str:
    """opentelemetry-instrument beside the program's Python, else on PATH; empty when there is none, or no program."""
    place = shutil.which(program, path=path)
    if place is None or Path(program).name == INSTRUMENT:
        return ""
    return shutil.which(INSTRUMENT, path=str(Path(place).parent)) or shutil.which(INSTRUMENT, path=path) or ""


def _protocol(instrument: str) -> str:
    """HTTP, unless the only exporter beside it speaks gRPC; every port here understands both."""
    here = Path(instrument).parent.parent if instrument else Path()
    exporters = {each.name for each in here.glob("lib/python*/site-packages/opentelemetry/exporter/otlp/proto/*")}
    return GRPC if "grpc" in exporters and "http" not in exporters else HTTP
