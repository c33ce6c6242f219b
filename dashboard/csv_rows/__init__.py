"""The columns of each CSV, and stored rows turned into cells.

Before: `export` walks a list and hands over raw rows, as the database driver gives them. After: `export` writes the
cells as CSV.

    cells      what all share: tables, look-ups, how values are written
    claimed    the claim a span belongs to
    telemetry  spans, logs, metric_points
    claims     claims, stages, links
    runs       runs of test sandboxes
    latency    windows of operations, which have no table
    compared   stages and operations in two ranges
"""

from __future__ import annotations

from dashboard.csv_rows import claims, runs, telemetry
from dashboard.csv_rows.cells import Lookups, Table, iso_time, line

TABLES: dict[str, Table] = {**telemetry.TABLES, **claims.TABLES, **runs.TABLES}

__all__ = ["TABLES", "Lookups", "Table", "iso_time", "line"]
