"""`manage.py up`: everything in one process, ready in a second or two."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection

from dashboard.addresses import grpc_endpoint, http_endpoint, mcp_endpoint, pages_url
from dashboard.listener import PortBusy
from dashboard.server import open_sockets, serve


class Command(BaseCommand):
    help = "Brings the database up to date, then serves the pages and the OTLP receivers until Ctrl-C."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            sockets = open_sockets()
        except PortBusy as error:
            raise CommandError(str(error), returncode=2) from error
        try:
            call_command("migrate", verbosity=0, interactive=False)
        except OperationalError as error:
            raise CommandError(f"The database cannot be used ({_database()}): {error}") from error
        serve(sockets, self._say_ready)

    def _say_ready(self) -> None:
        lines = ["Agent Sandbox Dashboard", ""]
        lines.append(f"  Pages      {pages_url()}")
        if settings.DASHBOARD_TOKEN and settings.DASHBOARD_HOST not in settings.LOOPBACK_HOSTS:
            lines.append(f"  Log in     {pages_url()}login/?{urlencode({'token': settings.DASHBOARD_TOKEN})}")
        lines.append(f"  OTLP/HTTP  {http_endpoint()}   (OTEL_EXPORTER_OTLP_ENDPOINT; gRPC works there too)")
        if settings.OTLP_GRPC_PORT:
            lines.append(f"  OTLP/gRPC  {grpc_endpoint()}")
        if settings.MCP_PORT:
            lines.append(f"  Agents     {mcp_endpoint()}   (Model Context Protocol)")
        lines.append(f"  Data       {_database()}")
        lines += ["", "Ctrl-C stops it; what was received is kept."]
        self.stdout.write("\n".join(lines))
        self.stdout.flush()


def _database() -> str:
    """Where the data is, without a password."""
    database = settings.DATABASES["default"]
    if connection.vendor == "sqlite":
        return str(database["NAME"])
    return f"{connection.display_name} database {database['NAME']} on {database.get('HOST') or 'this machine'}"
