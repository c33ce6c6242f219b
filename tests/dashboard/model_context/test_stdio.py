"""Agents that start `manage.py run_mcp` themselves ask why sandboxes were slow, and are told what really happened."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from tests.dashboard.model_context.conftest import MANAGE, Refused, on_standard_input
from tests.postgresql import create_database
from tests.sandboxes.recordings import truth
from tests.server import ROOT, Server

pytestmark = [pytest.mark.server, pytest.mark.long]

CAUSES = {
    "slow-pull": "image pull slow",
    "unschedulable": "unschedulable",
    "pool-missing": "pool missing",
    "template-missing": "template missing",
    "pod-fails-before-ready": "container failing",
    "env-forces-cold": "forced cold",
}


def uids(scenario: str) -> dict[str, str]:
    return {claim["key"]: claim["uid"] for claim in truth(scenario)["claims"] if claim["uid"]}


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_every_tool_is_listed_and_only_reads(recorded: Server, mode: str) -> None:
    async with on_standard_input(recorded.environment, mode) as agent:
        tools = (await agent.client.list_tools()).tools
        assert {"list_claims", "explain_claim", "get_trace", "stage_latency"} <= {tool.name for tool in tools}
        for tool in tools:
            assert tool.annotations is not None
            assert (tool.annotations.read_only_hint, tool.annotations.destructive_hint) == (True, False)
            assert tool.input_schema["additionalProperties"] is False
            assert all(described["description"] for described in tool.input_schema["properties"].values())


async def test_the_slowest_start_of_a_drained_pool_is_found_and_explained(recorded: Server) -> None:
    async with on_standard_input(recorded.environment) as agent:
        slowest = (await agent.ask("list_claims", sort="slowest", limit=1))["claims"][0]
        assert slowest["uid"] in uids("burst-drained").values()
        told = await agent.ask("explain_claim", claim=slowest["uid"])
        assert told["why"]["cause"] == "pool drained"
        assert "keeps 3 warm and had none ready" in told["sentence"]
        assert told["why"]["proof"]["reason"] == "SandboxProvisioned"
        assert "slowest" in told["compared"]
        assert told["stages"]
        assert all(stage["took"] and int(stage["at_most_ns"]) >= int(stage["at_least_ns"]) for stage in told["stages"])
        drained = (await agent.ask("list_pools", pool="simple-sandbox-pool"))["pools"][0]
        assert any(
            slowest["uid"] in drain["first_of_them"] or drain["claims_that_waited"] for drain in drained["drains"]
        )


async def test_why_claims_failed_is_what_happened_and_leads_to_the_trace(recorded: Server) -> None:
    async with on_standard_input(recorded.environment) as agent:
        failed = {claim["uid"] for claim in (await agent.ask("list_claims", state="failed"))["claims"]}
        for key, cause in CAUSES.items():
            uid = uids("failures")[key]
            told = await agent.ask("explain_claim", claim=uid)
            assert told["why"]["cause"] == cause, key
            assert told["advice"], key
            assert (uid in failed) is (key != "env-forces-cold")
        told = await agent.ask("explain_claim", claim=uids("failures")["slow-pull"])
        assert told["why"]["proof"]["reason"] == "Pulling"
        assert told["waiting"]["for"] == "the image and the container"
        gave_up = told["spans"][0]
        assert gave_up["status"] == "error"
        assert told["critical_path"][0]["span_id"] == gave_up["span_id"]
        trace = await agent.ask("get_trace", trace_id=gave_up["trace_id"])
        assert trace["claims"][0]["uid"] == told["claim"]["uid"]
        assert trace["failed"][0]["events"][0]["attributes"]["exception.type"] == "TimeoutError"
        assert trace["operations"][0]["operation"] == gave_up["name"]


async def test_a_cold_start_is_told_by_stage_and_no_finer_than_it_is_known(recorded: Server) -> None:
    async with on_standard_input(recorded.environment) as agent:
        told = await agent.ask("explain_claim", claim=uids("quickstart-cold")["c1"], markdown="yes")
        assert told["claim"]["start_type"] == "cold"
        assert told["markdown"].startswith("### SandboxClaim default/")
        for stage in told["stages"]:
            if stage["at_least_ns"] == "0" and stage["at_most_ns"] != "0":
                assert stage["took"][0] in "≤<~", stage
        table = await agent.ask("stage_latency", start="cold", pool="simple-sandbox-pool")
        assert table["stages"][-1]["stage"] == "time to ready"
        assert {stage["start_type"] for stage in table["stages"]} == {"cold"}


async def test_without_a_database_it_says_what_to_do(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DASHBOARD_")}
    environment["DASHBOARD_DATA_DIR"] = str(tmp_path)
    if cluster := environment.get("DATABASE_URL"):
        environment["DATABASE_URL"] = create_database(cluster, tmp_path)
    async with on_standard_input(environment) as agent:
        for tool in ("overview", "list_claims", "search_logs"):
            with pytest.raises(
                Refused, match=r"No dashboard has kept anything in .*make run.*DASHBOARD_DATA_DIR"
            ) as told:
                await agent.ask(tool)
            assert ("PostgreSQL" if cluster else str(tmp_path)) in str(told.value)


def test_nothing_but_the_protocol_is_on_standard_output(recorded: Server) -> None:
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    said = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "overview", "arguments": {}}},
        {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "get_trace", "arguments": {}}},
    ]
    with subprocess.Popen(
        [sys.executable, MANAGE, "run_mcp"],
        env=recorded.environment | {"PYTHONWARNINGS": "always"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd="/",
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for message in said:
            process.stdin.write(orjson.dumps(message) + b"\n")
        process.stdin.flush()
        answers = [orjson.loads(process.stdout.readline()) for _ in range(3)]
        process.stdin.close()
        assert process.stdout.read() == b""
        assert process.wait(30) == 0
    assert {answer["id"] for answer in answers} == {1, 2, 3}
    assert all(answer["jsonrpc"] == "2.0" for answer in answers)


def test_its_connections_refuse_to_write(recorded: Server) -> None:
    program = (
        "import os, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'dashboard.settings'; django.setup()\n"
        "from dashboard.model_context.reading import only_read; only_read()\n"
        "from django.db import DatabaseError\n"
        "from sandboxes.models import Claim\n"
        "assert Claim.objects.exists()\n"
        "try: Claim.objects.update(name='gone')\n"
        "except DatabaseError as error: print(error)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], env=recorded.environment, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "readonly" in ended.stdout.replace("-", "").replace(" ", "")
