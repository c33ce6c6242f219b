"""Charts: figures Plotly accepts, twins that say the same, axes people can read, one computation for all who ask."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import plotly.graph_objects as go
import pytest
from django.test import Client
from plotly.offline import get_plotlyjs_version

from collector.ingest import save_now
from dashboard.axis import log_percent
from dashboard.charts import (
    Area,
    Chart,
    Dot,
    Layer,
    Line,
    Mark,
    Moment,
    Percentiles,
    Series,
    Window,
    counts,
    distribution,
    heatmap,
    percentile_lines,
    starts,
    value_lines,
    window,
)
from dashboard.charts.axes import MOST_TICKS, value_axis
from dashboard.charts.shared import Shared
from dashboard.charts.strips import sparkline
from tests.factories import SECOND, batch, make_point

START = 1_795_540_000 * SECOND
WINDOW = Window(START, START + 60 * SECOND, 10 * SECOND)
TIMES = starts(WINDOW)
MS = 10**6


def cold(p50: list[float | None], **more: Any) -> Percentiles:
    doubled = [None if value is None else 2 * value for value in p50]
    return Percentiles(name="cold", colour="cold", p50=p50, p95=doubled, p99=doubled, **more)


def every_kind() -> dict[str, Chart]:
    values: list[float | None] = [1 * MS, 2 * MS, None, 3 * MS, 0, 5 * MS]
    cells = [[1, 0, 5, 0, 0, 2], [0, 0, 9, 1, 0, 0]]
    return {
        "percentiles": percentile_lines(
            TIMES,
            [cold(values)],
            WINDOW,
            dots=[Dot(time_ns=START, value=4 * MS, href="/traces/aa/")],
            marks=[Mark(time_ns=START + SECOND, words="run 12")],
        ),
        "values": value_lines(TIMES, [Line(name="a", colour="node", values=values)], WINDOW, unit="By"),
        "counts": counts(TIMES, [Series(name="errors", colour="error", values=[1, 0, 2, None, 0, 1])], WINDOW),
        "distribution": distribution(["cold", "warm"], [Series(name="", colour="warm", values=[3, 4])]),
        "heatmap": heatmap(
            TIMES,
            [1 * MS, 2 * MS, 4 * MS],
            [Layer(name="cold", colour="cold", cells=cells), Layer(name="warm", colour="warm", cells=cells[::-1])],
            WINDOW,
            selected=Area(START, START + 20 * SECOND, None, 2 * MS),
        ),
    }


@pytest.mark.parametrize("kind", list(every_kind()))
def test_plotly_accepts_every_kind_as_it_is_sent(kind: str) -> None:
    sent = orjson.loads(every_kind()[kind].as_json())
    assert len(go.Figure(sent["figure"]).data) > 0


def test_the_browser_draws_with_the_version_python_validates_with() -> None:
    vendored = Path(__file__).resolve().parents[2] / "static/vendor"
    assert (vendored / f"plotly-cartesian-{get_plotlyjs_version()}.min.js").exists()


def test_the_twin_says_what_the_lines_say() -> None:
    chart = every_kind()["percentiles"]
    assert chart.table.columns == ["Time", "cold p50", "cold p95", "cold p99"]
    newest = chart.table.rows[0]
    assert newest == [Moment(TIMES[-1]), "5.0 ms", "10 ms", "10 ms"]
    drawn = [trace["text"] for trace in chart.data if "text" in trace][:3]
    told = [row[1:] for row in reversed(chart.table.rows)]
    assert told == [list(column) for column in zip(*drawn, strict=True) if column[0] != "–"]  # noqa: RUF001


def test_a_piece_of_its_line_stands_before_each_label_whose_words_have_not_its_colour() -> None:
    lines = [
        Line(name="/r/0", colour="client", values=[1, 2, 3, 4, 5, 6]),
        Line(name="/r/1", colour="controller", values=[3, 4, 5, 6, 7, 8], dash="dash"),
    ]
    figure = value_lines(TIMES, lines, WINDOW).layout
    samples = figure["shapes"]
    assert [sample["line"]["color"] for sample in samples] == ["var(--client)", "var(--controller)"]
    assert samples[0]["line"]["dash"] == "solid" != samples[1]["line"]["dash"]
    labels = [note for note in figure["annotations"] if note.get("xref") == "paper"]
    assert [label["text"] for label in labels] == ["/r/0 6", "/r/1 8"]
    assert [label["y"] for label in labels] == [sample["y0"] for sample in samples]
    assert all(label["xshift"] > sample["x1"] for label, sample in zip(labels, samples, strict=True))
    assert figure["meta"]["colours"] == [("client", "/r/0"), ("controller", "/r/1")]


def test_a_line_alone_and_words_in_their_lines_colour_need_no_piece_of_it() -> None:
    alone = value_lines(TIMES, [Line(name="a", colour="program", values=[1] * 6)], WINDOW)
    assert alone.layout["shapes"] == alone.layout["meta"]["colours"] == []
    warm = Percentiles(name="warm", colour="warm", p50=[1] * 6, p95=[2] * 6, p99=[3] * 6)
    coloured = percentile_lines(TIMES, [cold([1] * 6), warm], WINDOW)
    assert coloured.layout["shapes"] == coloured.layout["meta"]["colours"] == []


def test_percentiles_of_one_group_share_its_colour_and_name() -> None:
    groups = [
        Percentiles(name=name, colour=colour, p50=[1] * 6, p95=[2] * 6, p99=[3] * 6)
        for name, colour in (("/r/0", "program"), ("/r/1", "client"))
    ]
    figure = percentile_lines(TIMES, groups, WINDOW).layout
    assert figure["meta"]["colours"] == [("program", "/r/0"), ("client", "/r/1")]
    assert len(figure["shapes"]) == figure["meta"]["samples"] == 6


def test_no_data_breaks_the_line_and_a_long_break_says_why() -> None:
    chart = percentile_lines(TIMES, [cold([1, None, None, None, 2, 3], gap="no cold starts")], WINDOW)
    line = next(trace for trace in chart.data if trace.get("name") == "cold p50")
    assert line["y"][1:4] == [None] * 3
    assert line["connectgaps"] is False
    assert "no cold starts" in [note["text"] for note in chart.layout["annotations"]]


def test_what_is_filled_between_percentiles_ends_where_the_lines_break() -> None:
    chart = percentile_lines(TIMES, [cold([1, 2, None, None, 3, 4])], WINDOW)
    (band,) = [trace for trace in chart.data if trace.get("fill")]
    at = [ns // MS for ns in TIMES]
    assert band["x"] == [at[0], at[1], at[1], at[0], None, at[4], at[5], at[5], at[4], None]


def test_ticks_of_a_heatmap_are_round_whatever_its_bounds() -> None:
    bounds = [1.04e6 * 1.35**n for n in range(25)]
    chart = heatmap(TIMES, bounds, [Layer(name="", colour="cold", cells=[[1] * 6] * 24)], WINDOW)
    assert chart.layout["yaxis"]["ticktext"] == ["10 ms", "100 ms", "1 s"]
    assert 0 < chart.layout["yaxis"]["tickvals"][0] < 24
    explicit = heatmap(
        TIMES, [0, 0.005, 0.01, 0.025], [Layer(name="", colour="cold", cells=[[1] * 6] * 3)], WINDOW, unit="s"
    )
    assert explicit.layout["yaxis"]["ticktext"] == ["0", "5 ms", "10 ms", "25 ms"]


def test_a_chart_without_any_data_says_so_and_goes_on_looking() -> None:
    chart = percentile_lines(TIMES, [cold([None] * 6)], WINDOW, empty="No claim yet.")
    assert (chart.empty, chart.data, chart.step_ns) == ("No claim yet.", [], 10 * SECOND)


def test_names_from_outside_are_text_not_markup() -> None:
    hostile = '<a href="https://evil.example">x</a>%{y}'
    lines = [Line(name=hostile, colour="node", values=[1.0] * 6)]
    body = value_lines(TIMES, lines, WINDOW, unit=hostile).as_json().decode()
    figure = body[: body.index('"table"')]
    assert "<a" not in figure
    assert "%{y}" not in figure


def test_labels_at_the_line_ends_do_not_touch() -> None:
    lines = [Line(name=str(n), colour="node", values=[100 + n / 10] * 6) for n in range(8)]
    places = [note["y"] for note in value_lines(TIMES, lines, WINDOW).layout["annotations"]]
    assert min(later - earlier for earlier, later in pairwise(places)) > 0.06
    assert max(places) <= 1


@pytest.mark.parametrize(
    ("values", "unit", "log", "ticks"),
    [
        ([50 * MS, 2_300 * MS], "ns", True, ["50 ms", "100 ms", "200 ms", "500 ms", "1 s", "2 s"]),
        ([0.2, 900], "s", True, ["1 s", "10 s", "10 min"]),
        ([0, 7], "{request}", False, ["0", "2", "4", "6"]),
        ([0, 3 * 2**30], "By", False, ["0", "1 GiB", "2 GiB", "3 GiB"]),
        ([0, 3 * 2**20], "By/s", False, ["0", "1 MiB/s", "2 MiB/s", "3 MiB/s"]),
        ([0.001, 0.004], "1", False, ["0", "0.001", "0.002", "0.003", "0.004"]),
        ([-3, 4], "1", False, ["-2", "0", "2", "4"]),
    ],
)
def test_an_axis_has_few_round_ticks_in_words(values: list[float], unit: str, log: bool, ticks: list[str]) -> None:
    assert value_axis(values, unit, log=log)["ticktext"] == ticks


@pytest.mark.parametrize("unit", ["ns", "s", "By", "1", "%", "{item}", "odd <unit>"])
@pytest.mark.parametrize("log", [True, False])
@pytest.mark.parametrize("values", [[], [0], [1e-9, 1e12], [5, 5], [-1, 0], [float("inf"), 3], [1e300], [1e25]])
def test_any_values_have_an_axis(values: list[float], unit: str, log: bool) -> None:
    axis = value_axis(values, unit, log=log)
    assert axis["range"][0] < axis["range"][1]
    assert len(axis["tickvals"]) <= MOST_TICKS + 1


def test_windows_are_whole_steps_so_that_live_charts_move_by_them() -> None:
    made = window(START + 3, START + 900 * SECOND - 7, 0)
    assert (made.from_ns % made.step_ns, made.to_ns % made.step_ns) == (0, 0)
    assert made.from_ns <= START + 3
    assert made.to_ns >= START + 900 * SECOND - 7
    assert len(starts(made)) <= 241


def test_a_cell_of_the_heatmap_belongs_to_whom_most_of_it_is() -> None:
    chart = every_kind()["heatmap"]
    cold_cells, warm_cells = (trace["z"] for trace in chart.data)
    assert (cold_cells[0][2], warm_cells[0][2]) == (None, 5)  # 5 cold, 9 warm
    assert cold_cells[1][2] == 5 or warm_cells[1][2] == 5
    assert cold_cells[0][1] is None


def test_a_sparkline_breaks_where_there_is_nothing() -> None:
    line = sparkline([1, 2, None, 4])
    assert line.path.count("M") == 2
    assert line.end is not None
    assert sparkline([]).end is None
    assert [log_percent(value, 1, 100) for value in (1, 10, 100, 1_000)] == [0, 50, 100, 100]


def test_all_who_ask_at_once_wait_for_one_computation() -> None:
    began, go_on, calls = threading.Event(), threading.Event(), []

    def compute() -> bytes:
        calls.append(1)
        began.set()
        assert go_on.wait(20)
        return b"answer"

    shared = Shared(lambda: -1)
    with ThreadPoolExecutor(20) as pool:
        first = pool.submit(shared.answer, "q", compute)
        assert began.wait(20)
        rest = [pool.submit(shared.answer, "q", compute) for _ in range(19)]
        while sum(future.running() for future in rest) < 19:
            pass
        go_on.set()
        assert {future.result(20) for future in [first, *rest]} == {b"answer"}
    assert 2 <= len(calls) <= 4  # not twenty: those who had not begun to wait yet may need one more


def test_an_answer_serves_until_something_is_committed() -> None:
    version, calls = [1], []
    shared = Shared(lambda: version[0])

    def compute() -> bytes:
        calls.append(1)
        return b""

    shared.answer("q", compute)
    shared.answer("q", compute)
    assert len(calls) == 1
    version[0] = 2
    shared.answer("q", compute)
    assert len(calls) == 2


def test_what_goes_wrong_is_told_and_not_kept() -> None:
    shared = Shared(lambda: 1)

    def fail() -> bytes:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        shared.answer("q", fail)
    assert shared.answer("q", lambda: b"yes") == b"yes"


def test_a_chart_is_sent_once_while_it_stays_the_same(db: None, client: Client) -> None:
    save_now(batch(make_point(1, time_ns=START)))
    answer = client.get("/charts/metric.json", {"metric": "requests", "range": "all"})
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    tag = answer["ETag"]
    again = client.get("/charts/metric.json", {"metric": "requests", "range": "all"}, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_a_chart_that_is_not_there_or_asked_wrongly_says_what_is_wrong(db: None, client: Client) -> None:
    assert client.get("/charts/nothing.json").status_code == 404
    answer = client.get("/charts/metric.json", {"range": "1w"})
    assert answer.status_code == 400
    assert "range" in answer.json()["problems"]
