"""`manage.py bundle KIND`: what one was shown as one file, for `manage.py import` elsewhere."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from dashboard.bundle import KINDS, choose, packed
from dashboard.parameters import ParameterError, query_of


class Command(BaseCommand):
    """Writes to the binary standard output, which has to lead somewhere: a terminal shows no gzip."""

    help = (
        "Writes a trace, a claim, a run, the traces or claims a filter finds, or everything in a range of time as one"
        " file, with all that belongs to it: `manage.py bundle claim --claim NAME > claim.jsonl.gz`. `manage.py import`"
        " and the Setup page read it back without loss."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", choices=KINDS, help="what to write")
        for parameter in sorted(frozenset().union(*(names for names, _ in KINDS.values()))):
            flag = "--" + parameter.replace("_", "-")
            parser.add_argument(flag, dest=f"parameter_{parameter}", metavar="VALUE", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        if sys.stdout.isatty():
            raise CommandError("A bundle is gzip: send it into a file (> bundle.jsonl.gz).", returncode=2)
        given = {
            key.removeprefix("parameter_"): value for key, value in options.items() if key.startswith("parameter_")
        }
        try:
            chosen = choose(options["kind"], query_of({key: value for key, value in given.items() if value}))
            for chunk in packed(chosen):
                sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
        except ParameterError as error:
            raise CommandError("\n".join(error.problems.values()), returncode=2) from error
        except BrokenPipeError:  # `| head` has seen enough; nothing more can be said to it
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
