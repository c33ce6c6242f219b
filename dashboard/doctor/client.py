"""Checks of this machine, where programs may run as well: kubectl for the tunnel, the SDK and its extras.

Which Python a program runs under nobody tells us: `manage.py doctor --python` names it. The page looks at its own.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from typing import Any

from dashboard.doctor import commands
from dashboard.doctor.shapes import Check, Subject, listed
from dashboard.instructions import MANAGE

TIMEOUT_S = 3.0
SDK = "k8s-agent-sandbox"
BOOTSTRAPPED = "opentelemetry-instrumentation-urllib3"  # what the SDK's calls of the API server go through
LOGGING = "opentelemetry-instrumentation-logging"
QUIET_SINCE = (1, 0, 7)  # from here on the SDK sets up no logging of its own
POOLS_SINCE = (0, 5)  # before it, create_sandbox() took a template's name and spoke v1alpha1

# Runs in another Python, of any age and with nothing installed: standard library alone.
LOOK = """
import importlib.metadata as m, json, re, sys
def name(text): return re.sub("[-_.]+", "-", text).lower()
def numbers(text): return [int(n) for n in re.findall("[0-9]+", text)[:3]]
def fits(version, bounds):
    for sign, bound in re.findall("(>=|<=|==|<|>|~=) *([0-9.]+)", bounds):
        has, wants = numbers(version), numbers(bound)
        short = has[:len(wants)]
        ok = {">=": has >= wants, "<=": short <= wants, "==": short == wants, "<": has < wants, ">": short > wants}
        if not ok.get(sign, has >= wants):
            return False
    return True
there = {name(d.metadata["Name"]): d.version for d in m.distributions() if d.metadata["Name"]}
extras = {}
try:
    for line in m.requires("k8s-agent-sandbox") or []:
        for extra in re.findall("extra *== *['\\"]([^'\\"]+)", line):
            package = name(re.match("[A-Za-z0-9._-]+", line).group())
            extras[extra] = extras.get(extra, True) and package in there and fits(there[package], line.split(";")[0])
except m.PackageNotFoundError:
    pass
print(json.dumps({"python": "%d.%d" % sys.version_info[:2], "there": there, "extras": extras}))
"""


def kubectl() -> Check:
    subject = Subject("kubectl", "kubectl", "the program kubectl on this machine's PATH")
    path = shutil.which("kubectl")
    if path is None:
        fix = "The SDK opens its tunnel to the router with it. Install it where the program runs."
        return subject.warning("not on PATH", fix, commands.install_kubectl())
    try:
        told = _run([path, "version", "--client", "-o", "json"])
        version = json.loads(told)["clientVersion"]["gitVersion"]
    except subprocess.TimeoutExpired:  # some ask the cluster first which version to be
        return subject.ok(f"{path}, which does not say its version in {TIMEOUT_S:g} s")
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
        return subject.warning(f"{path} does not say its version", "Install it anew.", commands.install_kubectl())
    return subject.ok(f"{version}, {path}")


def sdk(python: str = "") -> Check:
    """The SDK under some Python; without a name under our own, where it need not be."""
    asked = python or sys.executable
    subject = Subject("sdk", "SDK", f"the packages of {asked}")
    try:
        found = json.loads(_run([asked, "-c", LOOK]))
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        why = str(getattr(error, "strerror", "")) or type(error).__name__
        return subject.failed(f"it does not run: {why}", "Name the python the program runs with: --python PATH.")
    there: dict[str, str] = found["there"]
    if SDK not in there:
        if not python:
            found_here = "not in the dashboard's own Python, where it need not be"
            look = f"{MANAGE} doctor --python /path/to/your/venv/bin/python"
            return subject.not_applicable(found_here, "Ask about the Python your program runs with.", look)
        return subject.failed(f"{SDK} is not installed there", "Install it.", commands.SDK)
    if not python:  # it makes test runs; what it lacks is nobody's trouble
        return subject.ok(
            f"{SDK} {there[SDK]} for test runs; about your program's Python: manage.py doctor --python PATH"
        )
    return _installed(subject, found)


def _installed(subject: Subject, found: dict[str, Any]) -> Check:
    there: dict[str, str] = found["there"]
    version = there[SDK]
    extras = [extra for extra, is_there in sorted(found["extras"].items()) if is_there]
    words = f"{SDK} {version}, extras: {listed(extras, 6) if extras else 'none'}, Python {found['python']}"
    if _numbers(version) < POOLS_SINCE:
        fix = "It asks for templates, and for an API that clusters since 1.0 do not serve. Upgrade it."
        return subject.failed(words, fix, f"pip install --upgrade {SDK}")
    if "tracing" not in extras and not _can_send(there):
        if "grpc" in extras:
            fix = (
                "There is nothing to send telemetry with. [tracing] and [grpc] cannot be installed together"
                " (protobuf 6 against 7): give traced programs an environment of their own."
            )
            return subject.warning(words, fix, f"python -m venv traced && . traced/bin/activate\n{commands.SDK}")
        return subject.warning(words, "There is nothing to send telemetry with. Install it.", commands.SDK)
    if BOOTSTRAPPED not in there:
        fix = "The SDK's calls of the API server are not seen, and with them no claim's name. Install what sees them."
        return subject.warning(f"{words}; without {BOOTSTRAPPED}", fix, commands.BOOTSTRAP)
    if LOGGING in there and _numbers(version) >= QUIET_SINCE:
        words += "; log lines need OTEL_PYTHON_LOG_CORRELATION=true, or logging of the program's own"
    return subject.ok(words)


def _can_send(there: dict[str, str]) -> bool:
    return any(name.startswith("opentelemetry-exporter-otlp") for name in there)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _run(command: list[str]) -> str:
    """What a program prints. Raises OSError and SubprocessError."""
    done = subprocess.run(
        command, capture_output=True, timeout=TIMEOUT_S, check=True, text=True, stdin=subprocess.DEVNULL
    )
    return done.stdout
