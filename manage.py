#!/usr/bin/env python
"""The commands: `manage.py up`, `manage.py import`, ..."""

from __future__ import annotations

import os
import sys
from importlib import import_module

from django.core.management import execute_from_command_line
from environs import EnvError


def main() -> None:
    """Runs a command; a variable with a value that cannot be is told in a sentence."""
    try:
        import_module(os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings"))
    except EnvError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
