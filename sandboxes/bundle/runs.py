"""Runs of test sandboxes in a bundle: checked, and kept as runs that are over.

A run that was going on elsewhere is not going on here: kept as it is, this dashboard would take it for one of its own
whose process died, and delete what carries its label in the cluster.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError

from collector.writer import Committed
from sandboxes.models import Run, RunSandbox
from sandboxes.objects import MAX_NAME_CHARS, MAX_TIME_NS, Malformed
from sandboxes.plans import Plan
from sandboxes.runs.outcome import Totals
from sandboxes.runs.recording import GOING_ON, RunState, SandboxState, Step, kept_plan, kept_steps, kept_text

RUN_ID = re.compile(r"[0-9a-f]{6,64}", re.ASCII)
TRACE_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
ELSEWHERE = "It was still going on when the bundle was made."


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as `lines` writes it."""

    uid: str
    plan: Plan
    form: str
    state: RunState
    asked_by: str
    note: str
    asked_ns: int
    began_ns: int | None
    ended_ns: int | None
    problem: str
    outcome: Totals | None


@dataclass(frozen=True, slots=True)
class SandboxRow:
    """A sandbox of a run as `lines` writes it."""

    run: str
    number: int
    claim: str
    state: SandboxState
    requested_ns: int | None
    ready_ns: int | None
    ran_ns: int | None
    deleted_ns: int | None
    error_type: str
    error: str
    steps: list[Step]
    trace_id: str | None


Row = TypeVar("Row", RunRow, SandboxRow)
RUN, SANDBOX = TypeAdapter(RunRow), TypeAdapter(SandboxRow)


def read_run(value: Mapping[str, Any]) -> RunRow:
    """A run. Raises Malformed."""
    row = _read(RUN, value)
    if not RUN_ID.fullmatch(row.uid) or len(row.form) > MAX_NAME_CHARS:
        raise Malformed("a run without a sound uid and form")
    return row


def read_run_sandbox(value: Mapping[str, Any]) -> SandboxRow:
    """A sandbox of a run. Raises Malformed."""
    row = _read(SANDBOX, value)
    if not 0 < row.number < 2**31 or len(row.claim) > MAX_NAME_CHARS:
        raise Malformed("a run's sandbox without a sound number and claim")
    if row.trace_id is not None and not TRACE_ID.fullmatch(row.trace_id):
        raise Malformed("a run's sandbox with a trace id that is none")
    return row


def _read(shape: TypeAdapter[Row], value: Mapping[str, Any]) -> Row:
    try:
        row = shape.validate_json(orjson.dumps(value), strict=True)
    except ValidationError as error:
        raise Malformed("a run, or a sandbox of one, of another shape") from error
    members = asdict(row)
    if any(name.endswith("_ns") and time_ns and abs(time_ns) > MAX_TIME_NS for name, time_ns in members.items()):
        raise Malformed("a run with a time beyond the year 2262")
    return row


def keep_run(row: RunRow, committed: Committed) -> bool:
    """Keeps a run that is not here yet; says whether it is new."""
    members = asdict(row) | {"plan": kept_plan(row.plan), "heartbeat_ns": None, "changed_ns": time.time_ns()}
    members |= {name: kept_text(members[name]) for name in ("note", "problem")}
    if row.state in GOING_ON:
        members |= {"state": RunState.INTERRUPTED, "problem": ELSEWHERE}
    _, new = Run.objects.get_or_create(uid=row.uid, defaults=members)
    if new:
        committed.tell("runs", [row.uid])
    return new


def keep_run_sandbox(row: SandboxRow, committed: Committed) -> bool:
    """Keeps a sandbox of a run that an earlier line brought, or that is here; says whether it is new."""
    run = Run.objects.filter(uid=row.run).first()
    if run is None or run.state in GOING_ON:
        return False
    members = asdict(row) | {"run": run, "error": kept_text(row.error), "steps": kept_steps(row.steps)}
    _, new = RunSandbox.objects.get_or_create(run=run, number=row.number, defaults=members)
    if new:
        committed.tell("runs", [row.run])
    return new
