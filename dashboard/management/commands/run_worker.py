"""`manage.py run_worker`: does the runs of test sandboxes that were asked for on the pages.

`manage.py up` starts one when there is something to do; for a team it is a service of its own (docker-compose.yml).
"""

from __future__ import annotations

import os
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.utils.crypto import get_random_string
from django_tasks_db.management.commands.db_worker import Worker as Queue

from dashboard.addresses import http_endpoint
from sandboxes.runs import tasks
from sandboxes.runs.worker import Worker

LOOK_INTERVAL_S = 0.5


class Command(BaseCommand):
    help = "Does the runs of test sandboxes that were asked for on the pages, one at a time, until it is stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--batch", action="store_true", help="end when there is nothing to do")

    def handle(self, *args: Any, **options: Any) -> None:
        worker = new_worker()
        tasks.work.update(execute=worker.execute, clean_up=worker.clean_up, compare=worker.compare)
        queue = _Queue(worker, options["batch"])
        queue.configure_signals()
        queue.run()


def new_worker() -> Worker:
    """A worker as the settings have it. Elsewhere than the receiver, OTEL_EXPORTER_OTLP_ENDPOINT says where that is."""
    endpoint = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or http_endpoint()
    key = settings.OTLP_API_KEY[0] if settings.OTLP_API_KEY else ""
    return Worker(endpoint.rstrip("/"), key, settings.DASHBOARD_KUBE_CONTEXT)


class _Queue(Queue):
    """The library's worker, telling ours when the process is to end: the run deletes what it has, then it ends."""

    def __init__(self, worker: Worker, batch: bool) -> None:
        super().__init__(
            queue_names=["default"],
            interval=LOOK_INTERVAL_S,
            batch=batch,
            backend_name="default",
            startup_delay=False,
            max_tasks=None,
            worker_id=get_random_string(32),
            excluded_queue_names=[],
        )
        self._worker = worker

    def shutdown(self, signum: int, frame: FrameType | None) -> None:
        self._worker.stop()
        super().shutdown(signum, frame)
