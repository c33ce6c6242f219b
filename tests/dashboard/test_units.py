"""Measurements in words: what a person would write, never surer than four figures."""

from __future__ import annotations

import pytest

from dashboard.templatetags.formats import UNKNOWN
from dashboard.units import figures, quantity


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0.0123, "s", "12 ms"),
        (1.5, "s", "1.50 s"),
        (250, "ms", "250 ms"),
        (0, "ms", "0 ms"),
        (1e300, "s", "1.000e+300 s"),
        (512, "By", "512 B"),
        (125_829_120, "By", "120.0 MiB"),
        (3, "MiBy", "3.0 MiB"),
        (2048.0, "By/s", "2.0 KiB/s"),
        (1, "{request}", "1 request"),
        (3, "{request}", "3 requests"),
        (2, "{process}", "2 processes"),
        (0, "{entry}", "0 entries"),
        (2, "{batch}", "2 batches"),
        (4.5, "{packet}/s", "4.5 packets/s"),
        (12.5, "%", "12.5 %"),
        (0.123456, "1", "0.1235"),
        (1_234_567, "", "1,234,567"),
        (21.5, "Cel", "21.5 Cel"),
        ("NaN", "s", "NaN s"),
        (7, "{ops}", "7 ops"),
        (None, "s", UNKNOWN),
    ],
)
def test_a_measurement_is_read_with_its_unit(value: float | str | None, unit: str, words: str) -> None:
    assert quantity(value, unit) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(1_000_000.0, "1,000,000"), (1234.5678, "1,235"), (0.00012345, "0.0001234"), (1e-9, "1.000e-09"), (-2.5, "-2.5")],
)
def test_a_number_has_about_four_figures(value: float, words: str) -> None:
    assert figures(value) == words
