"""Does a run: claims sandboxes by the plan's schedule, uses and deletes them, and says how each is doing.

Before: the worker takes a run up, or the command line begins one. After: `recording` has every sandbox's end, and the
cluster none of its claims, unless they were to be kept.

A thread for each sandbox that is busy: the SDK's calls block. One loop beside them keeps what changed and hears whether
the run is to stop. A sandbox that waits cannot be interrupted; its claim can be deleted, and the SDK's wait ends.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from collector.writer import Unavailable
from sandboxes.cluster import ClusterError
from sandboxes.plans import Plan
from sandboxes.runs import recording
from sandboxes.runs.recording import RunState, Sandbox, SandboxState, Step
from sandboxes.runs.schedule import places, start_offsets_s

TICK_S = 0.25
MAX_OUTPUT_CHARS = 4_000  # of a step, each way: what fits a page; 500 sandboxes are 4 MB of them
MAX_ERROR_CHARS = 1_000
DELETE_ATTEMPTS = 5
DELETE_PAUSE_S = 1.0
NUMBER = "{i}"  # in a command: the sandbox's number


class Claimed(Protocol):
    """A sandbox that is ready (`trigger.Sandbox`)."""

    def run(self, command: str) -> Result: ...
    def write(self, path: str, content: str) -> None: ...
    def read(self, path: str) -> bytes: ...
    def close(self) -> None: ...
    def delete(self) -> None: ...


class Result(Protocol):
    """What a command came to (`trigger.Ran`)."""

    @property
    def exit_code(self) -> int: ...
    @property
    def stdout(self) -> str: ...
    @property
    def stderr(self) -> str: ...
    @property
    def timed_out(self) -> bool: ...


class Cluster(Protocol):
    """Where the sandboxes come from (`trigger.Trigger`)."""

    def traced(self, number: int, claim: str) -> AbstractContextManager[str]: ...
    def claim(self, name: str) -> Claimed: ...
    def delete(self, name: str) -> None: ...


class CommandFailed(Exception):
    """A command ended with another status than 0, or was stopped for its time-out."""


class Engine:
    """One run. `tell` is called at each tick with the sandboxes as they are (the command line's progress)."""

    def __init__(
        self,
        run_id: str,
        plan: Plan,
        sandboxes: list[Sandbox],
        cluster: Cluster,
        tell: Callable[[list[Sandbox]], None] = lambda sandboxes: None,
    ) -> None:
        self._run_id, self._plan, self._sandboxes, self._cluster, self._tell = run_id, plan, sandboxes, cluster, tell
        self._stop = threading.Event()
        self._changed: dict[int, Sandbox] = {}
        self._lock = threading.Lock()
        self._heard = RunState.RUNNING

    def stop(self) -> None:
        """Starts no more of them, and deletes those there are. From any thread, or a signal's handler."""
        self._stop.set()

    def stopping(self) -> bool:
        """Whether it is on its way to its end before its time."""
        return self._stop.is_set()

    def do(self) -> RunState:
        """Returns how it ended, once every sandbox has."""
        began = time.monotonic()
        with ThreadPoolExecutor(places(self._plan), thread_name_prefix="sandbox") as threads:
            futures: set[Future[None]] = set()
            waiting = list(zip(start_offsets_s(self._plan), self._sandboxes, strict=True))
            while waiting or futures:
                while waiting and (self.stopping() or waiting[0][0] <= time.monotonic() - began):
                    futures.add(threads.submit(self._one, waiting.pop(0)[1]))
                next_s = waiting[0][0] - (time.monotonic() - began) if waiting else TICK_S
                done, futures = wait(futures, max(0.0, min(TICK_S, next_s)))
                for future in done:
                    future.result()  # an error in it is ours, and ends the run
                if not futures and waiting:
                    self._stop.wait(max(0.0, min(TICK_S, next_s)))
                self._tick()
        self._tick()
        return RunState.CANCELLED if self.stopping() else RunState.FINISHED

    def _tick(self) -> None:
        """Keeps what changed, and hears whether the run is to stop."""
        with self._lock:
            changed, self._changed = self._changed, {}
        try:
            self._heard = recording.go_on(self._run_id, list(changed.values()))
        except Unavailable:
            with self._lock:
                self._changed = changed | self._changed  # the next tick writes them; the sandboxes go on
        if self._heard != RunState.RUNNING:
            self._stop.set()
        if self.stopping():
            self._end_waits()
        self._tell(self._sandboxes)

    def _end_waits(self) -> None:
        """Deletes the claims that somebody waits for: the SDK's wait then ends with an error."""
        for sandbox in self._sandboxes:
            if sandbox.state == SandboxState.CREATING:
                try:
                    self._cluster.delete(sandbox.claim)
                except ClusterError:
                    continue  # at the next tick; and its own thread deletes it when its wait ends

    def _one(self, sandbox: Sandbox) -> None:
        """All of one sandbox, in a thread of its own."""
        if self.stopping():
            self._note(sandbox, SandboxState.CANCELLED)
            return
        with self._cluster.traced(sandbox.number, sandbox.claim) as trace_id:
            sandbox.trace_id = trace_id
            claimed: Claimed | None = None
            try:
                sandbox.requested_ns = time.time_ns()
                self._note(sandbox, SandboxState.CREATING)
                claimed = self._cluster.claim(sandbox.claim)
                sandbox.ready_ns = time.time_ns()
                self._note(sandbox, SandboxState.READY)
                self._use(sandbox, claimed)
                sandbox.ran_ns = time.time_ns()
                self._note(sandbox, SandboxState.RAN)
            except (
                Exception
            ) as error:  # the SDK's own, the API server's, requests': all are told, none is ours to judge
                _blame(sandbox, error, cancelled=self.stopping() and sandbox.ready_ns is None)
            self._finish(sandbox, claimed)

    def _use(self, sandbox: Sandbox, claimed: Claimed) -> None:
        plan = self._plan
        if plan.file_path:
            with _step(sandbox, f"write {plan.file_path}"):
                claimed.write(plan.file_path, plan.file_content)
        for command in plan.commands:
            if self.stopping():
                return
            self._run(sandbox, claimed, command.replace(NUMBER, str(sandbox.number)))
        if plan.file_path:
            with _step(sandbox, f"read {plan.file_path}"):
                content = claimed.read(plan.file_path)
            if content != plan.file_content.encode():
                raise CommandFailed(f"{plan.file_path} came back with other content than was written")

    def _run(self, sandbox: Sandbox, claimed: Claimed, command: str) -> None:
        began_ns = time.time_ns()
        result = claimed.run(command)
        took_ns = time.time_ns() - began_ns
        sandbox.steps.append(
            Step(
                recording.kept_text(command),
                began_ns,
                took_ns,
                result.exit_code,
                recording.kept_text(result.stdout)[:MAX_OUTPUT_CHARS],
                recording.kept_text(result.stderr)[:MAX_OUTPUT_CHARS],
                result.timed_out,
            )
        )
        if result.timed_out:
            raise CommandFailed(f"stopped after {self._plan.command_timeout_s} s: {command}")
        if result.exit_code:
            raise CommandFailed(f"exit status {result.exit_code}: {command}")

    def _finish(self, sandbox: Sandbox, claimed: Claimed | None) -> None:
        """Deletes it, or leaves it to its time to live; a failed one is always deleted."""
        failed = sandbox.error_type != ""
        if self._plan.keep and claimed is not None and not failed and not self.stopping():
            claimed.close()
            self._note(sandbox, SandboxState.KEPT)
            return
        for attempt in range(1, DELETE_ATTEMPTS + 1):
            try:
                claimed.delete() if claimed is not None else self._cluster.delete(sandbox.claim)
                sandbox.deleted_ns = time.time_ns()
                break
            except Exception as error:
                if attempt == DELETE_ATTEMPTS:
                    _blame(sandbox, error, cancelled=False)
                else:
                    time.sleep(DELETE_PAUSE_S)
        ended = SandboxState.CANCELLED if sandbox.error_type == "Cancelled" else SandboxState.FAILED
        self._note(sandbox, ended if sandbox.error_type else SandboxState.DELETED)

    def _note(self, sandbox: Sandbox, state: SandboxState) -> None:
        sandbox.state = state
        with self._lock:
            self._changed[sandbox.number] = sandbox


@contextmanager
def _step(sandbox: Sandbox, what: str) -> Iterator[None]:
    began_ns = time.time_ns()
    yield
    sandbox.steps.append(Step(recording.kept_text(what), began_ns, time.time_ns() - began_ns))


def _blame(sandbox: Sandbox, error: Exception, *, cancelled: bool) -> None:
    """Keeps the first thing that went wrong, with its class: failures are grouped by it."""
    if sandbox.error_type:
        return
    sandbox.error_type = "Cancelled" if cancelled else type(error).__name__
    sandbox.error = recording.kept_text(" ".join(str(error).split()))[:MAX_ERROR_CHARS]
