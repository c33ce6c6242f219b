"""`manage.py run_mcp`: answers coding agents by the Model Context Protocol, read-only (docs/mcp.md).

Started by the agent it speaks on standard input and output; with `--http` on a port. `manage.py up` starts one of those
when MCP_PORT is set.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

import anyio
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from dashboard.checks import agents_beyond_this_machine_need_a_token
from dashboard.listener import Listener, PortBusy
from dashboard.model_context import http, server
from dashboard.model_context.reading import only_read


class Command(BaseCommand):
    requires_system_checks = []  # all of them load the pages: 18 MB, and half a second of an agent's patience
    help = "Answers coding agents by the Model Context Protocol, on standard input and output or on a port. Only reads."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--http", action="store_true", help="on MCP_HOST and MCP_PORT instead")
        parser.add_argument("--port", type=int, default=settings.MCP_PORT, help="instead of MCP_PORT")
        parser.add_argument("--with-parent", action="store_true", help="end when standard input does")

    def handle(self, *args: Any, **options: Any) -> None:
        only_read()
        if not options["http"]:
            self._on_standard_input()
            return
        for problem in agents_beyond_this_machine_need_a_token():
            raise CommandError(f"{problem.msg} {problem.hint}", returncode=2)
        port = options["port"]
        if not 0 < port < 65_536:
            raise CommandError("Which port? Set MCP_PORT, or name one: run_mcp --http --port 8001.", returncode=2)
        try:
            http.serve(
                Listener(settings.MCP_HOST, port, "MCP_PORT"), sys.stdin.buffer if options["with_parent"] else None
            )
        except PortBusy as error:
            raise CommandError(str(error), returncode=2) from error

    def _on_standard_input(self) -> None:
        if sys.stdin.isatty():
            self.stderr.write(
                "Waiting for a coding agent on standard input: it starts this command by itself"
                " (docs/mcp.md says how). Ctrl-C ends it."
            )
        with suppress(KeyboardInterrupt):
            anyio.run(server.serve_stdio)
