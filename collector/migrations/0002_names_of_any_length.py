"""PostgreSQL indexes no text of more than 2,704 bytes, and senders choose names as long as they like.

Without the two indexes its small tables of names are read whole. SQLite has no such limit and keeps them.
"""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

INDEXES = {
    "operation_service_name": "collector_operation (service, name)",
    "stream_name": "collector_metricstream (name)",
}


def drop(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for name in INDEXES:
            schema_editor.execute(f"DROP INDEX IF EXISTS {name}")


def create(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for name, columns in INDEXES.items():
            schema_editor.execute(f"CREATE INDEX {name} ON {columns}")


class Migration(migrations.Migration):
    dependencies = [("collector", "0001_telemetry")]
    operations = [migrations.RunPython(drop, create)]
