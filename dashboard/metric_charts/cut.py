"""What a metric's chart leaves out, in a sentence under it.

Before: `lines` and `measurements` have drawn what `reading` gave them. After: the browser writes it, with a link.
"""

from __future__ import annotations

from dataclasses import replace

from dashboard.charts import Chart, Note
from dashboard.metric_charts.reading import MOST_GROUPS, Reading
from dashboard.parameters import Parameters

KEPT = ("metric", "service", "stream", "split", "q")


def noted(chart: Chart, reading: Reading, parameters: Parameters, most_groups: int = MOST_GROUPS) -> Chart:
    """The chart, with what it does not show: lines beyond the first few, points of a range with too many."""
    hidden = reading.hidden + max(0, len(reading.groups) - most_groups)
    words = [chart.note.words] if chart.note else []
    if hidden:
        lines = f"values of {parameters.split}" if parameters.split else "streams"
        words.append(
            f"Of {most_groups + hidden:,} {lines} the {most_groups} with most points are drawn; the CSV has all."
            " Choose fewer by service, or lines by another attribute."
        )
    if reading.cut is None:
        return replace(chart, note=Note(" ".join(words))) if words else chart
    total = f"{'more than ' if reading.cut.more else ''}{reading.cut.total:,}"
    words.append(
        f"Drawn are the newest {reading.cut.drawn:,} of {total} points: of a histogram told in deltas each one counts."
        " The CSV has them all."
    )
    return replace(chart, note=Note(" ".join(words), "Show only their time", _since(reading.cut.from_ns, parameters)))


def _since(from_ns: int, parameters: Parameters) -> str:
    """The query string of the page from a moment on, with the other choices as they are."""
    query = parameters.query.copy()
    for name in set(query) - {*KEPT, "to"}:
        del query[name]
    query["from"] = str(from_ns)
    return f"?{query.urlencode()}"
