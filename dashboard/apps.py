"""The pages, as Django knows them."""

from django.apps import AppConfig
from django.core.checks import register

from collector import importing, ingest, writer
from dashboard.checks import (
    agents_beyond_this_machine_need_a_token,
    public_url_is_whole,
    several_processes_need_redis,
)


class DashboardConfig(AppConfig):
    name = "dashboard"

    def ready(self) -> None:
        register(several_processes_need_redis)
        register(public_url_is_whole)
        register(agents_beyond_this_machine_need_a_token)
        # Handed down, so that telemetry's layer need not know of clusters. Here, since there are models only now.
        from collector import rewriting
        from collector.retention import stages
        from sandboxes import correlate, hints, retention
        from sandboxes import rewriting as of_claims
        from sandboxes.file_objects import FileObjects

        importing.new_reader = FileObjects
        importing.after_files.append(correlate.correlate)
        ingest.in_transaction.append(hints.record)
        writer.newest_rows += ["max(id) FROM sandboxes_objectversion", "max(changed_ns) FROM sandboxes_run"]
        stages.with_traces.append(retention.delete_with_traces)
        stages.old_rows.extend(retention.OLD_ROWS)
        stages.noted_tables.extend(retention.NOTED_TABLES)
        rewriting.more_kinds.append(of_claims.kinds)
        rewriting.with_spans.append(of_claims.follow_spans)
        rewriting.with_logs.append(of_claims.follow_logs)
