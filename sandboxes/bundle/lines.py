"""Claims, versions of objects and runs as lines of a bundle.

Before: `dashboard.bundle` has chosen them. After: JSON, which `reading` takes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from sandboxes.lifecycle import from_json, to_json
from sandboxes.models import Claim, Cluster, Run, RunSandbox
from sandboxes.objects import RESOURCES
from sandboxes.records import Change, ChangeType

MARK = "bundle"
VERSION = 1
RESOURCE_OF = {kind: resource for resource, kind in reversed(RESOURCES.items())}
RUN_COLUMNS = (
    *("uid", "plan", "form", "state", "asked_by", "note", "asked_ns", "began_ns", "ended_ns", "problem", "outcome"),
)
SANDBOX_COLUMNS = (
    *("number", "claim", "state", "requested_ns", "ready_ns", "ran_ns", "deleted_ns", "error_type", "error", "steps"),
    "trace_id",
)

Line = dict[str, Any]


def header(what: str, of: str) -> Line:
    """The first line: what the bundle is of."""
    return _line("BUNDLE", {"version": VERSION, "what": what, "of": of, "made_unix_nano": time.time_ns()})


def cluster_line(cluster: Cluster) -> Line:
    """Which cluster the versions that name its uid are of."""
    return _line("CLUSTER", {"uid": cluster.uid, "name": cluster.name, "api_version": cluster.api_version})


def version_line(cluster: str, change: Change) -> Line:
    """A version of an object, as it was met. What our first look found has `from_list`, as recorders write it."""
    listed = change.type == ChangeType.LISTED
    line = _line("ADDED" if listed else change.type.value, dict(change.object), cluster)
    line |= {"resource": RESOURCE_OF[change.kind], "received_unix_nano": change.received_ns}
    if listed:
        line["from_list"] = True
    if change.after_ns is not None:
        line["after_unix_nano"] = change.after_ns
    return line


def claim_line(claim: Claim) -> Line:
    """A claim's story as it stands: of its objects some may be gone, or there never were any."""
    return _line("CLAIM", to_json(from_json(claim.lifecycle)), claim.cluster.uid if claim.cluster else "")


def run_lines(run: Run) -> Iterator[Line]:
    """A run with its sandboxes. Comparisons are made again at the press of a button, where the earlier run is."""
    yield _line("RUN", {name: getattr(run, name) for name in RUN_COLUMNS})
    for row in RunSandbox.objects.filter(run=run).order_by("number"):
        yield _line("RUN_SANDBOX", {"run": run.uid, **{name: getattr(row, name) for name in SANDBOX_COLUMNS}})


def _line(kind: str, value: Line, cluster: str | None = None) -> Line:
    line: Line = {MARK: VERSION, "type": kind}
    if cluster is not None:
        line["cluster"] = cluster
    return line | {"object": value}
