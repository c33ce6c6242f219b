"""What the worker process does with each task: a whole run, a clean-up, a comparison.

Before: the queue hands over a run's id; or the command line begins a run of its own. After: the run has ended, and is
compared with those before it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from sandboxes.cluster import ClusterError
from sandboxes.models import Run
from sandboxes.plans import Plan
from sandboxes.runs import comparison, outcome, recording
from sandboxes.runs.cleanup import clean_up
from sandboxes.runs.engine import Engine
from sandboxes.runs.recording import RunState, Sandbox
from sandboxes.runs.schedule import places
from sandboxes.trigger import TracingOff, Trigger, report_to

log = logging.getLogger(__name__)

Tell = Callable[[list[Sandbox]], None]


@dataclass(slots=True)
class Worker:
    """A process that does runs, one at a time. `endpoint` is where its telemetry goes, with `key` if one is asked."""

    endpoint: str
    key: str
    context: str
    tell: Tell = lambda sandboxes: None
    _engine: Engine | None = field(default=None, init=False)
    _stopping: bool = field(default=False, init=False)

    def execute(self, run_id: str) -> RunState | None:
        """Does a run; gives how it ended, None when it was not there to be done."""
        taken = recording.begin(run_id)
        if taken is None:
            return None
        plan, sandboxes = taken
        try:
            state = self._do(run_id, plan, sandboxes)
        except (ClusterError, TracingOff) as error:
            recording.end(run_id, RunState.FAILED, str(error))
            return RunState.FAILED
        except Exception as error:
            log.exception("the run %s broke off", run_id)
            recording.end(run_id, RunState.FAILED, f"{type(error).__name__}: {error}")
            raise
        problem = ""
        if self._stopping:
            state, problem = RunState.INTERRUPTED, "The worker was stopped. It deleted the claims there were."
        recording.end(run_id, state, problem, outcome.final(run_id))
        if state == RunState.FINISHED:
            comparison.compare_with_earlier(run_id)
        return state

    def clean_up(self, run_id: str) -> None:
        """Deletes what a run left whose process died."""
        run = Run.objects.filter(uid=run_id, state__in=recording.GOING_ON).first()
        if run is None:
            return
        plan = recording.plan_of(run_id)
        try:
            trigger = Trigger(plan, run_id, self.context, places=1)
        except ClusterError as error:
            recording.interrupt(run_id, f"Its process ended, and its claims cannot be deleted: {error}")
            return
        try:
            clean_up(run_id, trigger, keep=plan.keep)
        finally:
            trigger.close()

    def compare(self, run_id: str, earlier_id: str) -> None:
        """Compares two runs."""
        comparison.compare(run_id, earlier_id)

    def stop(self) -> None:
        """The process is to end: the run starts no more sandboxes, and deletes those it has."""
        self._stopping = True
        if self._engine is not None:
            self._engine.stop()

    def _do(self, run_id: str, plan: Plan, sandboxes: list[Sandbox]) -> RunState:
        provider = report_to(self.endpoint, self.key, run_id)
        trigger = Trigger(plan, run_id, self.context, places(plan))
        try:
            self._engine = Engine(run_id, plan, sandboxes, trigger, self.tell)
            if self._stopping:
                self._engine.stop()
            return self._engine.do()
        finally:
            self._engine = None
            trigger.close()
            provider.force_flush()
