"""What to type so that a coding agent can ask this dashboard, with its own paths and address (docs/mcp.md).

Before: a browser asked for the page Setup. After: commands to copy. An agent starts `manage.py run_mcp` with little of
anybody's environment: what differs from the defaults has to be named.
"""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from dashboard import child_process
from dashboard.addresses import mcp_endpoint

NAME = "agent-sandbox"
REDACTION = ("REDACT_BUILTIN", "REDACT_KEYS", "REDACT_PATTERNS")  # what was kept before these is masked as it is read


@dataclass(frozen=True, slots=True)
class AgentInstructions:
    """`http` is empty when there is no port for agents."""

    command: str
    configuration: str
    http: str


def agent_instructions(asked_host: str) -> AgentInstructions:
    """For whoever asked, by the name they know this machine by."""
    started = child_process.command("run_mcp")
    environment = _environment()
    variables = [["--env", f"{name}={value}"] for name, value in environment.items()]
    entry = {"command": started[0], "args": started[1:]} | ({"env": environment} if environment else {})
    return AgentInstructions(
        command=_lines(["claude", "mcp", "add"], *variables, ["--transport", "stdio", NAME], ["--", *started]),
        configuration=json.dumps({"mcpServers": {NAME: entry}}, indent=2, ensure_ascii=False),
        http=_http(mcp_endpoint(asked_host)),
    )


def _environment() -> dict[str, str]:
    """What it needs to find the same data, and to give links that lead here."""
    found = {}
    if settings.DASHBOARD_DATA_DIR != settings.BASE_DIR / "data":
        found["DASHBOARD_DATA_DIR"] = str(settings.DASHBOARD_DATA_DIR)
    if connection.vendor != "sqlite":
        found["DATABASE_URL"] = "YOUR_DATABASE_URL"  # there may be a password in it
    if settings.DASHBOARD_PUBLIC_URL:
        found["DASHBOARD_PUBLIC_URL"] = settings.DASHBOARD_PUBLIC_URL
    elif settings.DASHBOARD_PORT != 8000:
        found["DASHBOARD_PORT"] = str(settings.DASHBOARD_PORT)
    return found | {name: os.environ[name] for name in REDACTION if os.environ.get(name)}


def _http(endpoint: str) -> str:
    if not endpoint:
        return ""
    token = [["--header", "Authorization: Bearer YOUR_TOKEN"]] if settings.DASHBOARD_TOKEN else []
    return _lines(["claude", "mcp", "add", "--transport", "http", NAME, endpoint], *token)


def _lines(*parts: list[str]) -> str:
    """A command for the shell, in lines that fit a page."""
    return " \\\n  ".join(map(shlex.join, parts))
