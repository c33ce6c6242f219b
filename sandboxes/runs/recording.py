"""What is known of a run and its sandboxes, kept in the database while it goes on.

Before: a page asks for a run, or for its end; `engine` says how each sandbox is doing. After: pages show the rows; a
process that dies leaves them behind, and a heartbeat that stops.

In the web process the one writer writes them; the worker and the command line are processes of their own.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

import orjson
from django.conf import settings
from django.db.models import Q

from collector.ingest import ingest
from collector.sql import execute
from collector.writer import Committed
from sandboxes import redaction
from sandboxes.models import Run, RunSandbox
from sandboxes.plans import Plan, from_json, to_json
from sandboxes.runs import tasks
from sandboxes.versions import as_json, plain

SECOND_NS = 10**9
# A run whose process has not been heard of for so long is over. It writes whenever something changed and every other
# second, and a database that is busy lets it wait five seconds.
SILENCE_NS = 20 * SECOND_NS
BEAT_NS = 2 * SECOND_NS  # each is a commit that pages and correlator of the server look after
NAME_CHARS = 12


class RunState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"  # its process died; what it left in the cluster was deleted, or `problem` says what not
    FAILED = "failed"  # it could not even begin


GOING_ON = (RunState.QUEUED, RunState.RUNNING, RunState.CANCELLING)


class SandboxState(StrEnum):
    WAITING = "waiting"
    CREATING = "creating"
    READY = "ready"
    RAN = "ran"
    DELETED = "deleted"
    KEPT = "kept"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Step:
    """A command or a file: what was done with it, and what came back, cut to a size that fits a page."""

    what: str
    began_ns: int
    duration_ns: int
    exit_code: int | None = None
    output: str = ""
    errors: str = ""
    timed_out: bool = False


@dataclass(slots=True)
class Sandbox:
    """How one sandbox of the run is doing. The engine's threads write it, each its own."""

    number: int
    claim: str
    state: SandboxState = SandboxState.WAITING
    requested_ns: int | None = None
    ready_ns: int | None = None
    ran_ns: int | None = None
    deleted_ns: int | None = None
    error_type: str = ""
    error: str = ""
    steps: list[Step] = field(default_factory=list)
    trace_id: str | None = None


COLUMNS = ("state", "requested_ns", "ready_ns", "ran_ns", "deleted_ns", "error_type", "error", "steps", "trace_id")


def kept_text(text: str) -> str:
    """What came out of a sandbox, as it may be kept. Whole: of a secret that is cut in two neither half is one."""
    rules, text = settings.REDACTION, str(plain(text))
    return text if rules is None else rules.text(text)


def kept_plan(plan: Plan) -> dict[str, Any]:
    """A plan as it may be kept once the run is over, and shown before."""
    rules = settings.REDACTION
    return to_json(plan) if rules is None else redaction.plan_without(rules, to_json(plan))


def kept_steps(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Steps that another dashboard has kept."""
    rules, found = settings.REDACTION, [asdict(step) for step in steps]
    return found if rules is None else redaction.steps_without(rules, found)


def plan_of(run_id: str) -> Plan:
    """A run's plan as it was asked for, for whoever does it. Whoever shows it reads `Run.plan`, which is masked."""
    (stored,) = execute(f"SELECT plan FROM {Run._meta.db_table} WHERE uid = %s", (run_id,)).fetchone()
    return from_json(orjson.loads(stored) if isinstance(stored, (str, bytes)) else stored)


def ask(plan: Plan, asked_by: str, *, queued: bool = True) -> str:
    """Records a new run and gives its id; unless told not to, a worker is asked to do it. Raises Unavailable."""
    run_id = secrets.token_hex(NAME_CHARS // 2)

    def record(committed: Committed) -> None:
        now_ns = time.time_ns()
        Run.objects.create(
            uid=run_id,
            plan=to_json(plan),
            form=from_json(kept_plan(plan)).form,
            state=RunState.QUEUED,
            asked_by=asked_by,
            asked_ns=now_ns,
            changed_ns=now_ns,
        )
        if queued:
            tasks.execute.enqueue(run_id)
        committed.tell("runs", [run_id])

    ingest.run_from_thread(record)
    return run_id


def begin(run_id: str) -> tuple[Plan, list[Sandbox]] | None:
    """The run begins: its plan, and its sandboxes. None when it was cancelled before, or is somebody else's by now."""
    now_ns = time.time_ns()
    row = Run.objects.filter(uid=run_id).first()
    if row is None:
        return None
    plan = plan_of(run_id)
    sandboxes = [Sandbox(number, f"run-{run_id}-{number:04}") for number in range(1, plan.count + 1)]

    def record(committed: Committed) -> bool:
        taken = Run.objects.filter(uid=run_id, state=RunState.QUEUED).update(
            state=RunState.RUNNING, began_ns=now_ns, heartbeat_ns=now_ns, changed_ns=now_ns
        )
        if taken:
            RunSandbox.objects.bulk_create(
                RunSandbox(run=row, number=sandbox.number, claim=sandbox.claim, **_members(sandbox))
                for sandbox in sandboxes
            )
            committed.tell("runs", [run_id])
        return bool(taken)

    return (plan, sandboxes) if ingest.run_from_thread(record) else None


def go_on(run_id: str, changed: Sequence[Sandbox]) -> RunState:
    """Keeps what changed, with a heartbeat; gives the run's state, which a page may have set to cancelling."""

    def record(committed: Committed) -> RunState:
        now_ns = time.time_ns()
        row = Run.objects.filter(uid=run_id).only("state", "heartbeat_ns").first()
        if row is None:
            return RunState.CANCELLING  # everything was cleared: nobody waits for it
        if changed:
            _save(row.pk, changed)
            committed.tell("runs", [run_id])
        if changed or now_ns - (row.heartbeat_ns or 0) >= BEAT_NS:
            beat = {"heartbeat_ns": now_ns} | ({"changed_ns": now_ns} if changed else {})
            Run.objects.filter(pk=row.pk).update(**beat)
        return RunState(row.state)

    return ingest.run_from_thread(record)


def end(run_id: str, state: RunState, problem: str = "", outcome: dict[str, Any] | None = None) -> None:
    """The run is over."""
    _set(run_id, GOING_ON, state=state, problem=kept_text(problem), outcome=outcome, ended_ns=time.time_ns())


def cancel(run_id: str) -> None:
    """Asks a run to stop. One that waits for a worker is over at once; of others the engine hears it."""
    _set(run_id, (RunState.QUEUED,), state=RunState.CANCELLED, ended_ns=time.time_ns())
    _set(run_id, (RunState.RUNNING,), state=RunState.CANCELLING)


def annotate(run_id: str, note: str) -> None:
    """Keeps what a person says of a run."""
    _set(run_id, tuple(RunState), note=kept_text(note))


def silent(now_ns: int) -> list[str]:
    """Runs that were going on in a process which is not heard of any more."""
    going_on = Q(state__in=(RunState.RUNNING, RunState.CANCELLING))
    return list(Run.objects.filter(going_on, heartbeat_ns__lt=now_ns - SILENCE_NS).values_list("uid", flat=True))


def interrupt(run_id: str, problem: str) -> None:
    """The run's process is gone: what it did not finish is not going to be."""
    unfinished = (SandboxState.WAITING, SandboxState.CREATING, SandboxState.READY, SandboxState.RAN)

    def record(committed: Committed) -> None:
        now_ns = time.time_ns()
        RunSandbox.objects.filter(run__uid=run_id, state=SandboxState.WAITING).update(state=SandboxState.CANCELLED)
        RunSandbox.objects.filter(run__uid=run_id, state__in=unfinished).update(
            state=SandboxState.FAILED, error_type="Interrupted", error="the run's process ended before this sandbox did"
        )
        _forget_plan(run_id)
        Run.objects.filter(uid=run_id, state__in=GOING_ON).update(
            state=RunState.INTERRUPTED, problem=kept_text(problem), ended_ns=now_ns, changed_ns=now_ns
        )
        committed.tell("runs", [run_id])

    ingest.run_from_thread(record)


def _set(run_id: str, states: Sequence[RunState], **members: Any) -> None:
    """Changes the run if it is in one of these states."""

    def record(committed: Committed) -> None:
        if Run.objects.filter(uid=run_id, state__in=states).update(changed_ns=time.time_ns(), **members):
            if "ended_ns" in members:
                _forget_plan(run_id)
            committed.tell("runs", [run_id])

    ingest.run_from_thread(record)


def _forget_plan(run_id: str) -> None:
    """Nobody is going to do it any more: what is kept of it is what may be shown."""
    if settings.REDACTION is not None:
        for row in Run.objects.filter(uid=run_id):
            Run.objects.filter(pk=row.pk).update(plan=row.plan)


def _save(run: int, changed: Sequence[Sandbox]) -> None:
    """Writes the rows that are still there: everything may have been cleared meanwhile.

    Not by bulk_update, which makes a CASE of each value: 0.9 ms a row of the processor that the SDK's threads wait for.
    """
    assignments = ",".join(f"{name} = %s" for name in COLUMNS)
    sql = f"UPDATE {RunSandbox._meta.db_table} SET {assignments} WHERE run_id = %s AND number = %s"
    for sandbox in changed:
        execute(sql, [*_stored(sandbox), run, sandbox.number])


def _stored(sandbox: Sandbox) -> list[Any]:
    """A row's columns, as both databases take them: what came out of a sandbox may be any characters."""
    members = _members(sandbox)
    members["steps"], members["error"] = as_json(members["steps"]), plain(members["error"])
    members["trace_id"] = bytes.fromhex(sandbox.trace_id) if sandbox.trace_id else None
    return [members[name] for name in COLUMNS]


def _members(sandbox: Sandbox) -> dict[str, Any]:
    members = {name: getattr(sandbox, name) for name in COLUMNS}
    return members | {"steps": [asdict(step) for step in list(sandbox.steps)]}
