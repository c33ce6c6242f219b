"""Claims told before there was the column have their cause in their story."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

CAUSE = {"sqlite": "json_extract(lifecycle, '$.why.cause')", "postgresql": "lifecycle #>> '{why,cause}'"}


def fill(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    cause = CAUSE[schema_editor.connection.vendor]
    schema_editor.execute(f"UPDATE sandboxes_claim SET cause = {cause} WHERE {cause} IS NOT NULL")


class Migration(migrations.Migration):
    dependencies = [("sandboxes", "0002_pools_and_causes")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
