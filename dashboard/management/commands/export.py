"""`manage.py export NAME`: any list as CSV on standard output, the same bytes as /export/NAME.csv."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from collector.paging import CursorError
from dashboard.export import NAMES, csv_chunks, parse_export
from dashboard.parameters import ParameterError, query_of


class Command(BaseCommand):
    """Writes to the binary standard output: CSV has its own line ends, and is UTF-8 whatever the terminal is."""

    help = "Writes a list as CSV, filtered as the pages are."
    requires_system_checks = []  # they would read in all pages first: half of what a short list takes

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", choices=NAMES, help="what to export")
        for parameter in sorted(frozenset().union(*NAMES.values())):
            flag = "--" + parameter.replace("_", "-")
            parser.add_argument(flag, f"--{parameter}", dest=f"parameter_{parameter}", metavar="VALUE", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"]
        given = {
            key.removeprefix("parameter_"): value for key, value in options.items() if key.startswith("parameter_")
        }
        try:
            parameters = parse_export(name, query_of({key: value for key, value in given.items() if value}))
            for chunk in csv_chunks(name, parameters):
                sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
        except ParameterError as error:
            raise CommandError("\n".join(error.problems.values()), returncode=2) from error
        except CursorError as error:
            raise CommandError(str(error), returncode=2) from error
        except BrokenPipeError:  # `| head` has seen enough; nothing more can be said to it
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
