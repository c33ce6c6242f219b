"""Test runs against a real control plane, router and runtime: through the tunnel and without, killed and cancelled.

Whatever happens, no claim of a run is left in the cluster.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from tests.cluster.plane import Plane
from tests.cluster.runs import (
    POOL,
    WAIT_S,
    cancel,
    claims_left,
    new_runner,
    press_start,
    run_of,
    wait_for_end,
    wait_until_busy,
    worker_of,
)
from tests.server import ROOT, Server, wait_for

pytestmark = pytest.mark.server

MANAGE = [sys.executable, str(ROOT / "manage.py")]


def test_each_sandbox_is_claimed_used_deleted_and_its_trace_is_its_claims(plane: Plane, runner: Server) -> None:
    run_id = press_start(runner, plane, file_path="hello.txt", file_content="hello", commands="echo {i}\ncat hello.txt")
    run = wait_for_end(runner, run_id)
    assert (run["state"], run["ready"], run["failed"]) == ("finished", "4", "0"), runner.log
    assert claims_left(plane, run_id) == []
    assert float(run["p50_ms"]) > 0
    outputs = runner.rows(
        "SELECT steps FROM sandboxes_runsandbox s JOIN sandboxes_run r ON r.id = run_id WHERE uid = ?", run_id
    )
    steps = [orjson.loads(found) if isinstance(found, str) else found for (found,) in outputs]
    assert sorted(each[1]["output"].strip() for each in steps) == ["1", "2", "3", "4"]
    assert {each[2]["output"] for each in steps} == {"hello"}
    claims = {row["uid"]: row["claim"] for row in runner.csv("claims", run=run_id)}
    assert len(claims) == 4
    traces = dict(runner.rows(
        "SELECT claim, trace_id FROM sandboxes_runsandbox s JOIN sandboxes_run r ON r.id = run_id WHERE uid = ?", run_id
    ))  # fmt: skip

    def all_exact() -> bool:
        links = [link for link in runner.csv("links") if link["claim_uid"] in claims]
        joined = {(claims[link["claim_uid"]], link["trace_id"]) for link in links if link["certainty"] == "exact"}
        return {(claim, bytes(trace_id).hex()) for claim, trace_id in traces.items()} <= joined

    wait_for(all_exact, WAIT_S)


def test_commands_go_through_the_kubectl_tunnel(plane: Plane, runner: Server) -> None:
    run_id = press_start(runner, plane, count=2, concurrency=2, way="tunnel", url="")
    run = wait_for_end(runner, run_id)
    assert (run["state"], run["ready"], run["failed"]) == ("finished", "2", "0"), runner.log
    assert claims_left(plane, run_id) == []


def test_a_missing_pool_is_a_failure_with_the_clusters_reason(plane: Plane, runner: Server) -> None:
    run_id = press_start(runner, plane, pool="no-such-pool", count=2)
    run = wait_for_end(runner, run_id)
    assert (run["state"], run["ready"], run["failed"]) == ("finished", "0", "2")
    page = runner.get(f"/runs/{run_id}/").decode()
    assert "SandboxWarmPoolNotFoundError" in page
    assert "Pool missing" in page
    assert claims_left(plane, run_id) == []


def test_an_environment_forces_a_cold_start(plane: Plane, runner: Server) -> None:
    plane.wait_pool(POOL)
    run_id = press_start(runner, plane, count=1, environment="MODE=test")
    run = wait_for_end(runner, run_id)
    wait_for(lambda: runner.csv("claims", run=run_id)[0]["start_type"] == "cold", WAIT_S)
    assert run["ready"] == "1"


def test_a_cancelled_run_deletes_what_it_has(plane: Plane, runner: Server) -> None:
    run_id = press_start(runner, plane, pool="slow-pull-pool", count=12, concurrency=3)
    wait_until_busy(plane, run_id)
    cancel(runner, run_id)
    run = wait_for_end(runner, run_id)
    assert run["state"] == "cancelled"
    assert int(run["cancelled"]) > 0
    assert claims_left(plane, run_id) == []


def test_a_worker_killed_in_mid_run_leaves_no_claim(plane: Plane, runner: Server) -> None:
    run_id = press_start(runner, plane, count=20, concurrency=4, commands="sleep 1")
    wait_until_busy(plane, run_id)
    os.kill(worker_of(runner), signal.SIGKILL)
    run = wait_for_end(runner, run_id)
    assert run["state"] == "interrupted"
    assert claims_left(plane, run_id) == []


def test_a_server_killed_in_mid_run_does_not_end_it(plane: Plane, tmp_path: Path) -> None:
    """Its worker goes on: the run is in the database, and the next server shows it."""
    server = new_runner(plane, tmp_path)
    server.start()
    run_id = press_start(server, plane, count=6, concurrency=2, commands="sleep 1")
    wait_until_busy(plane, run_id)
    server.kill()
    server.start()
    run = wait_for_end(server, run_id)
    assert (run["state"], run["ready"]) == ("finished", "6")
    assert claims_left(plane, run_id) == []
    server.stop()


def test_server_and_worker_killed_in_mid_run_leave_no_claim(plane: Plane, tmp_path: Path) -> None:
    server = new_runner(plane, tmp_path)
    server.start()
    run_id = press_start(server, plane, count=20, concurrency=4, commands="sleep 1")
    wait_until_busy(plane, run_id)
    worker = worker_of(server)
    server.kill()
    os.kill(worker, signal.SIGKILL)
    server.start()
    assert wait_for_end(server, run_id)["state"] == "interrupted"
    assert claims_left(plane, run_id) == []
    server.stop()


def test_a_server_that_is_stopped_deletes_what_its_run_has(plane: Plane, tmp_path: Path) -> None:
    server = new_runner(plane, tmp_path)
    server.start()
    run_id = press_start(server, plane, count=20, concurrency=3, commands="sleep 0.5")
    wait_until_busy(plane, run_id)
    server.stop()
    assert claims_left(plane, run_id) == []
    server.start()
    run = run_of(server, run_id)
    assert (run["state"], int(run["ready"]) < 20) == ("interrupted", True)
    server.stop()


def test_two_runs_of_the_same_form_are_compared_by_themselves(plane: Plane, runner: Server) -> None:
    fields = {"count": 6, "concurrency": 3, "commands": "true", "label": "pair"}
    first = press_start(runner, plane, **fields)
    wait_for_end(runner, first)
    second = press_start(runner, plane, **fields)
    wait_for_end(runner, second)
    wait_for(lambda: b'class="verdict' in runner.get(f"/runs/{second}/?with={first}"), WAIT_S)


class TestCommandLine:
    """manage.py run_sandboxes, for CI."""

    def run(self, plane: Plane, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **{name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
            **plane.environment,
            "DASHBOARD_DATA_DIR": str(folder),
        }
        command = [*MANAGE, "run_sandboxes", "--url", plane.router_url, *options]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=WAIT_S)

    def test_it_prints_the_result_and_ends_well(self, plane: Plane, tmp_path: Path) -> None:
        done = self.run(plane, tmp_path, "--pool", POOL, "--count", "3", "--command", "echo {i}", "--json")
        assert done.returncode == 0, done.stderr
        found = orjson.loads(done.stdout)
        assert found["totals"]["ready"] == 3
        assert {"time to ready", "command"} <= {stage["name"] for stage in found["stages"]}
        assert claims_left(plane, found["run"]) == []

    @pytest.mark.parametrize(
        ("options", "status"),
        [
            (("--pool", "no-such-pool"), 1),
            (("--pool", POOL, "--max-p95-ms", "0.001"), 3),
            (("--pool", "Not A Name"), 2),
            (("--pool", POOL, "--count", "501"), 2),
        ],
    )
    def test_its_status_says_how_it_went(
        self, plane: Plane, tmp_path: Path, options: tuple[str, ...], status: int
    ) -> None:
        done = self.run(plane, tmp_path, *options)
        assert done.returncode == status, done.stdout + done.stderr

    def test_ctrl_c_deletes_what_it_has(self, plane: Plane, tmp_path: Path) -> None:
        environment = {**os.environ, **plane.environment, "DASHBOARD_DATA_DIR": str(tmp_path)}
        environment.pop("DATABASE_URL", None)
        command = [*MANAGE, "run_sandboxes", "--url", plane.router_url, "--pool", "slow-pull-pool", "--count", "4"]
        program = subprocess.Popen([*command, "--label", "pressed"], env=environment, stdout=subprocess.DEVNULL)
        label = "sandbox-dashboard/label"

        def there() -> int:
            found = [claim["metadata"].get("labels", {}) for claim in plane.api.list("SandboxClaim")]
            return sum(labels.get(label) == "pressed" for labels in found)

        wait_for(lambda: there() >= 2, WAIT_S)
        program.send_signal(signal.SIGINT)
        assert program.wait(WAIT_S) == 1
        assert there() == 0
