"""The kubectl commands a reader may want next, to copy. Plain Python.

Before: a claim's names, as a cluster or a sender gave them. After: buttons of the claim's page and of the list. What
Kubernetes would not accept as a name makes no command: whoever sends telemetry does not write into anybody's shell.
"""

from __future__ import annotations

import re

NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")

EVENTS_LAST_NS = 3_600 * 10**9  # --event-ttl of the API server, unless it was changed


def delete_command(name: str, namespace: str) -> str:
    """Empty when there is no such object to name."""
    return f"kubectl delete sandboxclaim {name} -n {namespace}" if _are_names(name, namespace) else ""


def commands(name: str, namespace: str, is_open: bool, ended_ns: int | None, now_ns: int) -> list[tuple[str, str]]:
    """(what it does, the command): of a claim that is gone there are Events for an hour, and nothing to describe."""
    if not _are_names(name, namespace):
        return []
    field = f"--field-selector involvedObject.name={name}"
    events = ("get events", f"kubectl get events -n {namespace} {field} --sort-by=.lastTimestamp")
    if not is_open:
        return [events] if ended_ns is not None and now_ns - ended_ns < EVENTS_LAST_NS else []
    return [
        ("delete", delete_command(name, namespace)),
        ("describe", f"kubectl describe sandboxclaim {name} -n {namespace}"),
        events,
    ]


def _are_names(*texts: str) -> bool:
    return all(NAME.fullmatch(text) for text in texts)
