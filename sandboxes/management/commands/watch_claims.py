"""`manage.py watch_claims`: the watcher as a process of its own, for a team whose web processes see no cluster.

Before: a database that `manage.py up` has made. After: what happens in the cluster is in it, and the pages of the web
processes follow. Several of these, or web processes that watch too, agree on one that does.
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from collector.ingest import Unavailable, after_commit, ingest
from collector.publish import publisher
from collector.rewriting import note_rules
from sandboxes.watch import watcher

LOOK_S = 0.5


class Command(BaseCommand):
    """Says how it stands, each time that changes."""

    help = "Watches the cluster until Ctrl-C, without pages or receivers: one process at a time, others stand by."
    requires_system_checks = []  # they read every page first, and no page is needed here

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.DASHBOARD_CLUSTER == "off":
            raise CommandError("DASHBOARD_CLUSTER is off: there is no cluster to watch.", returncode=2)
        self._check_database()
        asyncio.run(self._watch())

    def _check_database(self) -> None:
        try:
            executor = MigrationExecutor(connection)
            if executor.migration_plan(executor.loader.graph.leaf_nodes()):
                raise CommandError(
                    "The database is not of this version: start manage.py up, or run manage.py migrate.", returncode=2
                )
        except OperationalError as error:
            raise CommandError(f"The database cannot be used: {error}", returncode=2) from error
        connection.close()

    async def _watch(self) -> None:
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
        if settings.REDIS_URL:  # else the web processes look for themselves whether somebody has committed
            after_commit.append(publisher.committed)
        ingest.start(loop)
        with suppress(Unavailable, DatabaseError):  # busy: then it is noted at the next start
            await ingest.run(note_rules)
        watcher.start(settings.DASHBOARD_KUBE_CONTEXT, settings.DASHBOARD_NAMESPACES)
        telling = loop.create_task(self._tell())
        await stopped.wait()
        telling.cancel()
        await watcher.stop()
        await ingest.stop()

    async def _tell(self) -> None:
        told = ""
        while True:
            if watcher.state.status != "off" and watcher.state.sentence != told:
                told = watcher.state.sentence
                self.stdout.write(told)
                self.stdout.flush()
            await asyncio.sleep(LOOK_S)
