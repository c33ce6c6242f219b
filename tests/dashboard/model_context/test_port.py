"""Agents on a port: who may ask, and that the process behind it is kept, and ends with the server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import orjson
import pytest

from tests.dashboard.model_context.conftest import MANAGE, TOKEN, on_a_port
from tests.server import ROOT, Server, free_ports, wait_for

pytestmark = [pytest.mark.server, pytest.mark.long]

HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}
BEARER = {"Authorization": f"Bearer {TOKEN}"}
START_TIMEOUT_S = 60


def post(server: Server, path: str = "/mcp", **headers: str) -> tuple[int, str]:
    """Status and body of a first message."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.environment['MCP_PORT']}{path}",
        orjson.dumps(HELLO),
        {"Content-Type": "application/json", "Accept": "application/json, text/event-stream", **headers},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def answers(server: Server) -> bool:
    with suppress(OSError):
        return post(server, **BEARER)[0] == 200
    return False


def agents_process(server: Server) -> int:
    """The process that answers agents: the only one the server has."""
    assert server.process is not None
    wait_for(lambda: answers(server), START_TIMEOUT_S, lambda: server.log)
    threads = Path(f"/proc/{server.process.pid}/task").iterdir()
    found = {int(pid) for thread in threads for pid in (thread / "children").read_text().split()}
    (pid,) = found
    return pid


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_it_answers_the_same_with_the_token(recorded: Server, mode: str) -> None:
    wait_for(lambda: answers(recorded), START_TIMEOUT_S, lambda: recorded.log)
    async with on_a_port(recorded, mode) as agent:
        slowest = (await agent.ask("list_claims", sort="slowest", limit=1))["claims"][0]
        assert (await agent.ask("explain_claim", claim=slowest["uid"]))["why"]["cause"] == "pool drained"
        assert recorded.get("/claims/" + slowest["uid"] + "/", **BEARER)


@pytest.mark.parametrize(
    ("headers", "status", "sentence"),
    [
        ({}, 401, "A token is needed"),
        ({"Authorization": "Bearer wrong"}, 401, "A token is needed"),
        ({"Authorization": f"Basic {TOKEN}"}, 401, "A token is needed"),
        (BEARER | {"Origin": "http://evil.example"}, 403, "another origin"),
        (BEARER | {"Origin": "null"}, 403, "another origin"),
        (BEARER | {"Host": "evil.example"}, 421, "DASHBOARD_ALLOWED_HOSTS"),
        (BEARER | {"Host": "evil.example", "Origin": "http://evil.example"}, 421, "DASHBOARD_ALLOWED_HOSTS"),
        (BEARER, 200, "agent-sandbox-dashboard"),
        (BEARER | {"Host": "localhost", "Origin": "http://localhost"}, 200, "agent-sandbox-dashboard"),
    ],
)
def test_who_may_ask_is_who_may_see_the_pages(
    recorded: Server, headers: dict[str, str], status: int, sentence: str
) -> None:
    wait_for(lambda: answers(recorded), START_TIMEOUT_S, lambda: recorded.log)
    found, body = post(recorded, **headers)
    assert found == status, body
    assert sentence in body


def test_another_address_says_where_it_is(recorded: Server) -> None:
    wait_for(lambda: answers(recorded), START_TIMEOUT_S, lambda: recorded.log)
    found, body = post(recorded, "/", **BEARER)
    assert (found, orjson.loads(body)["problems"]) == (404, {})
    assert "/mcp" in body


def test_it_keeps_no_stream_open_for_who_only_listens(recorded: Server) -> None:
    wait_for(lambda: answers(recorded), START_TIMEOUT_S, lambda: recorded.log)
    url = f"http://127.0.0.1:{recorded.environment['MCP_PORT']}/mcp"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(
            urllib.request.Request(url, headers=BEARER | {"Accept": "text/event-stream"}), timeout=30
        )
    with refused.value as error:
        assert (error.code, error.headers["Allow"]) == (405, "POST")


def test_killed_it_is_started_again_and_readyz_tells(recorded: Server) -> None:
    first = agents_process(recorded)
    assert recorded.get_json("/readyz")["checks"]["mcp"]["status"] == "ok"
    os.kill(first, signal.SIGKILL)
    assert agents_process(recorded) != first
    assert recorded.get_json("/readyz")["status"] == "ok"


def test_it_ends_with_the_server_even_when_that_is_killed(tmp_path: Path) -> None:
    server = Server(tmp_path, MCP_PORT=str(free_ports()[0]), DASHBOARD_TOKEN=TOKEN)
    server.start()
    pid = agents_process(server)
    server.kill()
    wait_for(lambda: not Path(f"/proc/{pid}").exists() or "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text(), 30)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_library_is_in_its_process_and_not_in_the_servers(recorded: Server) -> None:
    pid = agents_process(recorded)
    assert recorded.process is not None
    library = "/cryptography/"  # a compiled part of what only it needs
    assert library in Path(f"/proc/{pid}/maps").read_text()
    assert library not in Path(f"/proc/{recorded.process.pid}/maps").read_text()


def test_whatever_the_web_process_imports_the_library_is_not_among_it() -> None:
    program = (
        "import sys, dashboard.asgi\n"
        "from django.core.management import call_command; call_command('check')\n"
        "from django.urls import get_resolver; assert get_resolver().url_patterns\n"
        "print(sorted(name for name in sys.modules if name.partition('.')[0] in ('mcp', 'mcp_types', 'starlette')"
        " or name.startswith('dashboard.model_context')))\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "[]"


def test_a_busy_port_is_named_with_its_variable(recorded: Server, tmp_path: Path) -> None:
    agents_process(recorded)
    environment = recorded.environment | {"DASHBOARD_DATA_DIR": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, MANAGE, "run_mcp", "--http"], env=environment, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 2
    assert "MCP_PORT" in ended.stderr


def test_without_a_port_it_says_how_to_name_one(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "MCP_PORT"}
    ended = subprocess.run(
        [sys.executable, MANAGE, "run_mcp", "--http"],
        env=environment | {"DASHBOARD_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 2
    assert "--port 8001" in ended.stderr


def test_beyond_this_machine_it_does_not_start_without_a_token(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "DASHBOARD_TOKEN"}
    ended = subprocess.run(
        [sys.executable, MANAGE, "run_mcp", "--http", "--port", str(free_ports()[0])],
        env=environment | {"DASHBOARD_DATA_DIR": str(tmp_path), "MCP_HOST": "0.0.0.0"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 2
    assert "DASHBOARD_TOKEN" in ended.stderr
    assert "Traceback" not in ended.stderr
