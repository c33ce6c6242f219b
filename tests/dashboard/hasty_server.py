"""`manage.py up` that hands every export on after its first row, and waits a few seconds only for a client that stalls.

    python -m tests.dashboard.hasty_server STALL_SECONDS

What takes four megabytes otherwise is seen with lists of any length: the recorded sessions'.
"""

from __future__ import annotations

import os
import sys

import django
from django.core.management import call_command


def main(stall_s: float) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    django.setup()
    from dashboard import export, export_writer
    from dashboard.views import export as page

    export.ROWS_A_QUERY, page.AT_ONCE_BYTES, export_writer.STALL_TIMEOUT_S = 1, 0, stall_s
    call_command("up")


if __name__ == "__main__":
    main(float(sys.argv[1]))
