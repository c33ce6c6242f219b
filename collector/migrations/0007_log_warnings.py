"""Warnings and what is worse among log records, by time."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('collector', '0006_masked_with'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='log',
            index=models.Index(condition=models.Q(('severity_number__gte', 13)), fields=['time_ns'], name='log_warning'),
        ),
    ]
