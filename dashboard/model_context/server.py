"""The protocol: lists the tools and calls them. On standard input and output here, on a port in `http`.

Before: `manage.py run_mcp`. After: `reading` answers, in a thread. A refusal is an answer that says it is an error: the
agent reads the sentence and asks again; to the protocol itself nothing is wrong.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import anyio
import anyio.to_thread
import orjson
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)

from dashboard.model_context.reading import answer
from dashboard.model_context.tools import INSTRUCTIONS, TOOLS
from dashboard.parameters import ParameterError

NAME = "agent-sandbox-dashboard"
AT_ONCE = 4  # calls being answered; further ones wait. Each has a connection, and most of the work holds the GIL
READS_ONLY = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
BY_NAME = {tool.name: tool for tool in TOOLS}

Context = ServerRequestContext[Any, Any]


def new_server() -> Server[Any]:
    """The server, of no transport yet."""
    return Server(
        NAME,
        title="Agent Sandbox Dashboard",
        version="1",
        instructions=INSTRUCTIONS,
        on_list_tools=_list_tools,
        on_call_tool=Calls().call,
    )


async def serve_stdio() -> None:
    """Until standard input ends. The library keeps whatever else is printed off standard output."""
    server = new_server()
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())


async def _list_tools(context: Context, params: PaginatedRequestParams | None) -> ListToolsResult:
    return ListToolsResult(
        tools=[
            Tool(
                name=tool.name,
                title=tool.title,
                description=tool.description,
                input_schema=tool.input_schema,
                annotations=READS_ONLY,
            )
            for tool in TOOLS
        ]
    )


class Calls:
    """Answers calls, a few at a time."""

    def __init__(self) -> None:
        self._limiter: anyio.CapacityLimiter | None = None

    async def call(self, context: Context, params: CallToolRequestParams) -> CallToolResult:
        """JSON in one text: quoted there, nothing a stranger wrote can pass for anything else."""
        tool = BY_NAME.get(params.name)
        if tool is None:
            return _refused(f"There is no tool {params.name[:60]!r}: there are {', '.join(BY_NAME)}.")
        if self._limiter is None:  # it belongs to the loop that runs
            self._limiter = anyio.CapacityLimiter(AT_ONCE)
        try:
            found = await anyio.to_thread.run_sync(partial(answer, tool, params.arguments or {}), limiter=self._limiter)
        except ParameterError as error:
            return _refused(str(error))
        return CallToolResult(content=[TextContent(type="text", text=orjson.dumps(found).decode())])


def _refused(sentence: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=sentence)], is_error=True)
