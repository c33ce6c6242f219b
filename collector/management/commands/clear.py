"""`manage.py clear`: start afresh. A running server goes on and shows empty pages."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from collector.clearing import clear
from collector.queries import database_bytes
from collector.writer import Unavailable


class Command(BaseCommand):
    """Asks first, unless told --yes."""

    help = "Deletes all telemetry, after asking."
    requires_system_checks = []  # they read every page first, and no page is needed here

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        if "collector_span" not in connection.introspection.table_names():
            self.stdout.write("There is no telemetry: the database is empty.")
            return
        if not options["yes"]:
            self._ask()
        try:
            clear()
        except Unavailable as error:
            raise CommandError(f"{error}. Nothing was deleted.") from error
        self.stdout.write("All telemetry is deleted.")

    def _ask(self) -> None:
        place = settings.DATABASES["default"]["NAME"]
        self.stdout.write(f"{place} holds {database_bytes() / 1e6:.1f} MB. Deleting its telemetry cannot be undone.")
        try:
            answer = input("Delete all of it? [y/N] ")
        except EOFError:
            answer = ""
        if answer.strip().lower() not in ("y", "yes"):
            raise CommandError("Nothing was deleted.")
