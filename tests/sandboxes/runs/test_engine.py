"""A run from its first claim to its last deletion: what is in the cluster, and what is recorded."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from sandboxes.models import Run, RunSandbox
from sandboxes.plans import Plan, from_json, to_json
from sandboxes.runs import cleanup, outcome, recording
from sandboxes.runs.engine import Engine
from sandboxes.runs.recording import RunState, SandboxState
from sandboxes.trigger import Ran
from tests.sandboxes.runs.memory_cluster import Deleted, MemoryCluster

pytestmark = pytest.mark.django_db


def begun(plan: Plan, cluster: MemoryCluster) -> tuple[str, Engine]:
    """A run that has been taken up."""
    run_id = recording.ask(plan, "a test", queued=False)
    taken = recording.begin(run_id)
    assert taken is not None
    return run_id, Engine(run_id, *taken, cluster)


def states(run_id: str) -> Counter[str]:
    return Counter(RunSandbox.objects.filter(run__uid=run_id).values_list("state", flat=True))


def test_each_is_claimed_used_and_deleted() -> None:
    cluster = MemoryCluster()
    run_id, engine = begun(Plan("pool", count=5, concurrency=2, commands=("echo {i}", "date")), cluster)
    assert engine.do() == RunState.FINISHED
    assert cluster.there == set()
    assert cluster.most_at_once <= 2
    assert states(run_id) == {SandboxState.DELETED: 5}
    third = RunSandbox.objects.get(run__uid=run_id, number=3)
    assert [step["what"] for step in third.steps] == ["echo 3", "date"]
    assert third.steps[0]["output"] == "echo 3"
    assert third.trace_id == f"{3:032x}"
    assert None not in (third.requested_ns, third.ready_ns, third.ran_ns, third.deleted_ns)


def test_characters_that_no_database_takes_are_replaced_and_the_run_goes_on() -> None:
    cluster = MemoryCluster()
    cluster.answer = lambda command: Ran(0, "half \ud800 \0", "", False)

    def fails_oddly(name: str) -> None:
        if name.endswith("0002"):
            raise ValueError("a \0 and \udfff")

    cluster.when_claimed = fails_oddly
    run_id, engine = begun(Plan("pool", count=2, commands=("cat odd",)), cluster)
    assert engine.do() == RunState.FINISHED
    assert states(run_id) == {SandboxState.DELETED: 1, SandboxState.FAILED: 1}
    first, second = RunSandbox.objects.filter(run__uid=run_id).order_by("number")
    assert first.steps[0]["output"] == "half ? \ufffd"
    assert second.error == "a \ufffd and ?"


def test_a_heartbeat_is_written_now_and_then_where_nothing_changes() -> None:
    """Each is a commit, after which a server looks what is new."""
    run_id, _ = begun(Plan("pool", count=1), MemoryCluster())
    run = Run.objects.filter(uid=run_id)
    before = run.get().heartbeat_ns
    assert recording.go_on(run_id, []) == RunState.RUNNING
    assert run.get().heartbeat_ns == before
    run.update(heartbeat_ns=(before or 0) - recording.BEAT_NS)
    recording.go_on(run_id, [])
    assert (run.get().heartbeat_ns or 0) >= (before or 0)


def test_kept_ones_stay_and_only_the_connection_ends() -> None:
    cluster = MemoryCluster()
    run_id, engine = begun(Plan("pool", count=2, keep=True), cluster)
    engine.do()
    assert len(cluster.there) == len(cluster.closed) == 2
    assert states(run_id) == {SandboxState.KEPT: 2}


def test_one_that_fails_is_deleted_even_where_all_are_kept_and_the_others_go_on() -> None:
    def fails_once(name: str) -> None:
        if name.endswith("0002"):
            raise TimeoutError("Could not resolve claim readiness within 8 seconds.")

    cluster = MemoryCluster(fails_once)
    run_id, engine = begun(Plan("pool", count=3, keep=True), cluster)
    assert engine.do() == RunState.FINISHED
    assert not any(name.endswith("0002") for name in cluster.there)
    failed = RunSandbox.objects.get(run__uid=run_id, state=SandboxState.FAILED)
    assert (failed.error_type, failed.number) == ("TimeoutError", 2)
    assert "within 8 seconds" in failed.error
    assert outcome.totals_of(Run.objects.get(uid=run_id)).timed_out == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [(Ran(3, "", "no such file", False), "exit status 3"), (Ran(-1, "", "", True), "stopped after 60 s")],
)
def test_a_command_that_fails_is_a_failure_with_its_output(answer: Ran, words: str) -> None:
    cluster = MemoryCluster()
    cluster.answer = lambda command: answer
    run_id, engine = begun(Plan("pool", commands=("cat x",)), cluster)
    engine.do()
    row = RunSandbox.objects.get(run__uid=run_id)
    assert (row.state, row.error_type) == (SandboxState.FAILED, "CommandFailed")
    assert words in row.error
    assert row.steps[0]["errors"] == answer.stderr
    assert cluster.there == set()


def test_a_file_goes_in_and_comes_back() -> None:
    cluster = MemoryCluster()
    run_id, engine = begun(Plan("pool", file_path="a.txt", file_content="Ünï", commands=("ls",)), cluster)
    engine.do()
    row = RunSandbox.objects.get(run__uid=run_id)
    assert [step["what"] for step in row.steps] == ["write a.txt", "ls", "read a.txt"]
    assert row.error_type == ""


def test_output_is_cut_to_what_a_page_can_show() -> None:
    cluster = MemoryCluster()
    cluster.answer = lambda command: Ran(0, "x" * 1_000_000, "", False)
    run_id, engine = begun(Plan("pool", commands=("yes",)), cluster)
    engine.do()
    assert len(RunSandbox.objects.get(run__uid=run_id).steps[0]["output"]) == 4_000


def test_a_deletion_that_is_refused_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandboxes.runs.engine.DELETE_PAUSE_S", 0)
    cluster = MemoryCluster()
    cluster.refusals = 2
    run_id, engine = begun(Plan("pool"), cluster)
    engine.do()
    assert cluster.there == set()
    assert states(run_id) == {SandboxState.DELETED: 1}


def test_a_cancelled_run_starts_no_more_and_ends_the_waits() -> None:
    """Two wait for a sandbox that never comes; a page cancels; their claims are deleted, which ends the SDK's wait."""
    waiting = threading.Semaphore(0)

    def never_ready(name: str) -> None:
        waiting.release()
        while name in cluster.there:
            threading.Event().wait(0.01)
        raise Deleted(f"{name} was deleted")

    cluster = MemoryCluster(never_ready)
    run_id, engine = begun(Plan("pool", count=10, concurrency=2), cluster)

    def cancel_once_both_wait(sandboxes: object) -> None:
        if waiting.acquire(blocking=False) and waiting.acquire(blocking=False):
            recording.cancel(run_id)

    engine._tell = cancel_once_both_wait
    assert engine.do() == RunState.CANCELLED
    assert cluster.there == set()
    assert states(run_id) == {SandboxState.CANCELLED: 10}
    assert len(set(cluster.deletions)) == 2


def test_a_run_whose_rows_were_cleared_ends_and_leaves_nothing() -> None:
    cluster = MemoryCluster()
    run_id, engine = begun(Plan("pool", count=3, concurrency=1, commands=("true",)), cluster)
    Run.objects.all().delete()
    RunSandbox.objects.all().delete()
    assert engine.do() == RunState.CANCELLED
    recording.end(run_id, RunState.CANCELLED)
    assert cluster.there == set()


def test_a_run_cancelled_while_it_waits_for_a_worker_never_begins() -> None:
    run_id = recording.ask(Plan("pool"), "a test")
    recording.cancel(run_id)
    assert recording.begin(run_id) is None
    assert Run.objects.get(uid=run_id).state == RunState.CANCELLED


def test_a_run_is_begun_by_one_process_only() -> None:
    run_id = recording.ask(Plan("pool"), "a test")
    assert recording.begin(run_id) is not None
    assert recording.begin(run_id) is None


def test_what_a_dead_process_left_is_deleted_and_said() -> None:
    cluster = MemoryCluster()
    run_id, _ = begun(Plan("pool", count=4), cluster)
    cluster.there = {f"run-{run_id}-0001", f"run-{run_id}-0002"}
    now_ns = Run.objects.get(uid=run_id).heartbeat_ns or 0
    assert recording.silent(now_ns + recording.SILENCE_NS) == []
    assert recording.silent(now_ns + recording.SILENCE_NS + 1) == [run_id]
    cleanup.clean_up(run_id, cluster)
    run = Run.objects.get(uid=run_id)
    assert cluster.there == set()
    assert run.state == RunState.INTERRUPTED
    assert "None of its claims is left" in run.problem
    assert recording.silent(now_ns + 2 * recording.SILENCE_NS) == []


def test_a_plan_is_the_same_after_it_was_kept() -> None:
    plan = Plan("pool", count=3, commands=("a", "b"), environment={"A": "1"}, rate_per_s=1.5, label="x")
    assert from_json(to_json(plan)) == plan
    assert from_json(to_json(plan)).form == plan.form
