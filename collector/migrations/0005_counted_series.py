"""Which operations are counted each by itself, by day. What has windows already goes on as it was."""

import orjson
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from collector.rollup.cardinality import number_of

OPERATION = 1
ROWS = 2_000
DAY_S = 86_400


def fill(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT start_s / 86400, series / 2 FROM collector_rollup"
            " WHERE subject = 1 AND window_s = 10800 AND series > 1"
        )
        places = {(int(day), int(number)) for day, number in cursor.fetchall()}
        cursor.execute("SELECT payload FROM collector_rollupnews")
        for (payload,) in cursor.fetchall():
            for subject, _, series, starts_s, _ in orjson.loads(bytes(payload)):
                if subject == OPERATION:
                    places |= {(start_s // DAY_S, number // 2) for number, start_s in zip(series, starts_s)}
    services = dict(apps.get_model("collector", "Operation").objects.values_list("id", "service"))
    CountedSeries = apps.get_model("collector", "CountedSeries")
    CountedSeries.objects.bulk_create(
        (
            CountedSeries(subject=OPERATION, day=day, number=number, part_of=number_of(services[number]))
            for day, number in sorted(places)
            if number in services
        ),
        batch_size=ROWS,
    )


class Migration(migrations.Migration):
    dependencies = [("collector", "0004_retention")]
    operations = [
        migrations.CreateModel(
            name="CountedSeries",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("subject", models.SmallIntegerField()),
                ("day", models.IntegerField()),
                ("number", models.BigIntegerField()),
                ("part_of", models.BigIntegerField()),
            ],
            options={
                "indexes": [models.Index(fields=["subject", "day", "part_of", "number"], name="counted_series_day")],
                "constraints": [
                    models.UniqueConstraint(fields=["subject", "number", "day"], name="counted_series_place")
                ],
            },
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
