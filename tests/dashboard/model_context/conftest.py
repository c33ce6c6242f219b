"""A server with recorded sessions in it that answers agents on a port, and the library's own client to ask it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import orjson
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from tests.server import ROOT, Server, free_ports, running_server

SESSIONS = ("quickstart-cold", "failures", "burst-drained")
TOKEN = "a-token-of-tests"
MANAGE = str(ROOT / "manage.py")


class Refused(Exception):
    """The tool answered that something is wrong; the message is its sentence."""


@dataclass
class Agent:
    """Asks as an agent would."""

    client: Client

    async def ask(self, tool: str, **arguments: Any) -> Any:
        """The answer, read; Refused with the tool's sentence."""
        answer = await self.client.call_tool(tool, arguments)
        text = str(getattr(answer.content[0], "text", ""))
        if answer.is_error:
            raise Refused(text)
        return orjson.loads(text)


Ask = Callable[..., AbstractAsyncContextManager[Agent]]


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    port = free_ports()[0]
    with running_server(
        tmp_path_factory.mktemp("recorded"), MCP_PORT=str(port), DASHBOARD_TOKEN=TOKEN, RETENTION_DAYS="0"
    ) as server:
        files = [str(ROOT / "demo" / f"{session}.jsonl.gz") for session in SESSIONS]
        subprocess.run([sys.executable, MANAGE, "import", *files], env=server.environment, check=True)
        yield server


@asynccontextmanager
async def on_standard_input(environment: dict[str, str], mode: Any = "auto") -> AsyncIterator[Agent]:
    """As an agent starts it: the command of docs/mcp.md."""
    started = StdioServerParameters(command=sys.executable, args=[MANAGE, "run_mcp"], env=environment)
    async with Client(started, mode=mode) as client:
        yield Agent(client)


@asynccontextmanager
async def on_a_port(server: Server, mode: Any = "auto") -> AsyncIterator[Agent]:
    """By HTTP, with the token."""
    url = f"http://127.0.0.1:{server.environment['MCP_PORT']}/mcp"
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        yield Agent(client)
