"""Charts: Plotly figures as plain dicts, each with a table twin that says the same.

Before: plain arrays of a question's answer. After: `views.charts` sends them as JSON; static/js/chart.js draws them.

Plain dicts, not plotly.graph_objects: a figure of three lines took 11 to 20 ms to build there, a heatmap 20 to 42, the
first one a second; a dict takes a hundredth of it. What graph_objects would refuse, tests find: every kind is put
through Plotly's own validators there (docs/decisions/0005).

Colours are names of static/css/tokens.css (`var(--cold)`): the browser puts in what the theme makes of them.
"""

from dashboard.charts.bars import Series, counts, distribution
from dashboard.charts.chart import Chart, Moment, Note, Table, Window, nothing
from dashboard.charts.heatmap import Area, Layer, heatmap
from dashboard.charts.lines import Dot, Line, Percentiles, percentile_lines, value_lines
from dashboard.charts.notes import Mark
from dashboard.charts.window import starts, window

__all__ = [
    "Area", "Chart", "Dot", "Layer", "Line", "Mark", "Moment", "Note", "Percentiles", "Series", "Table", "Window",
    "counts", "distribution", "heatmap", "nothing", "percentile_lines", "starts", "value_lines", "window",
]  # fmt: skip
