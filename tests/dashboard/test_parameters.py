"""Query parameters: one meaning on pages, API and exports, and a sentence for everything that is wrong."""

from __future__ import annotations

import time

import pytest
from django.http import QueryDict

from dashboard.parameters import (
    LOG_NAMES,
    MAX_LIMIT,
    MAX_TEXT,
    METRIC_NAMES,
    TRACE_NAMES,
    ParameterError,
    Parameters,
    parse,
    query_of,
)

MINUTE_NS = 60 * 10**9
MORNING_NS = 1_795_512_600 * 10**9  # 2026-11-24T09:30:00Z


def read(text: str = "", names: frozenset[str] = TRACE_NAMES | LOG_NAMES, default: str = "all") -> Parameters:
    return parse(QueryDict(text), names, default)


def problems(text: str, names: frozenset[str] = TRACE_NAMES | LOG_NAMES) -> dict[str, str]:
    with pytest.raises(ParameterError) as caught:
        parse(QueryDict(text), names, "all")
    return caught.value.problems


def test_nothing_given_is_everything() -> None:
    parameters = read()
    assert (parameters.range, parameters.filter.from_ns, parameters.filter.to_ns) == ("all", None, None)
    assert (parameters.limit, parameters.cursor) == (50, None)


def test_a_range_begins_that_long_ago() -> None:
    before = time.time_ns()
    parameters = read("range=15m")
    after = time.time_ns()
    assert parameters.filter.from_ns is not None
    assert before - 15 * MINUTE_NS <= parameters.filter.from_ns <= after - 15 * MINUTE_NS
    assert parameters.filter.to_ns is None


def test_a_page_has_its_own_default_range() -> None:
    assert read(default="15m").range == "15m"
    assert read("range=all", default="15m").filter.from_ns is None


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-24T09:30:00Z",
        "2026-11-24 09:30",
        "2026-11-24T10:30:00%2B01:00",
        "2026-11-24T10:30:00+01:00",  # an unescaped + arrives as a space
        "2026-11-24T04:00:00-0530",
        str(MORNING_NS),
    ],
)
def test_a_time_is_iso_8601_or_nanoseconds(text: str) -> None:
    assert read(f"from={text}").filter.from_ns == MORNING_NS


def test_a_time_keeps_its_nanoseconds() -> None:
    assert read("from=2026-11-24T09:30:00.000000001Z").filter.from_ns == MORNING_NS + 1


def test_a_custom_range_replaces_the_default() -> None:
    parameters = read("to=2026-11-24T09:30Z", default="15m")
    assert (parameters.range, parameters.filter.from_ns, parameters.filter.to_ns) == ("", None, MORNING_NS)


@pytest.mark.parametrize(
    "text", ["yesterday", "2026-02-30", "2026-11-24T25:00", "-1", "9223372036854775808", "2026-11-24T09:30%2B99:00"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    assert "is not a time" in problems(f"from={text}")["from"]


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    assert "later than from" in problems("from=2026-11-24&to=2026-11-24")["to"]


def test_a_range_and_times_together_are_refused() -> None:
    assert "one or the other" in problems("range=15m&from=2026-11-24")["range"]


@pytest.mark.parametrize(
    ("text", "ns"), [("250ms", 250_000_000), ("1.5s", 1_500_000_000), ("2 m", 2 * MINUTE_NS), ("7us", 7_000)]
)
def test_a_duration_is_a_number_and_a_unit(text: str, ns: int) -> None:
    assert read(f"min_duration={text}").filter.min_duration_ns == ns


@pytest.mark.parametrize("text", ["250", "ms", "1.2.3s", "-5ms", "999999999999h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    assert "is not a duration" in problems(f"min_duration={text}")["min_duration"]


@pytest.mark.parametrize(("text", "number"), [("warn", 13), ("WARNING", 13), ("error", 17), ("18", 18)])
def test_a_severity_is_a_word_or_a_number(text: str, number: int) -> None:
    assert read(f"severity={text}").filter.severity == number


@pytest.mark.parametrize("text", ["loud", "0", "25"])
def test_what_is_no_severity_is_refused(text: str) -> None:
    assert "is not a severity" in problems(f"severity={text}")["severity"]


def test_a_trace_id_is_read_in_either_case() -> None:
    assert read(f"trace_id={'AB' * 16}").filter.trace_id == "ab" * 16
    assert "32 hexadecimal digits" in problems("trace_id=abc")["trace_id"]


def test_a_stream_is_a_number() -> None:
    assert read("stream=7", METRIC_NAMES).filter.stream == 7
    assert "is not a metric stream" in problems("stream=seven", METRIC_NAMES)["stream"]
    assert "is not a metric stream" in problems("stream=0", METRIC_NAMES)["stream"]


@pytest.mark.parametrize("text", ["0", "-1", "1001", "many", "9" * 5_000])
def test_a_limit_out_of_bounds_is_refused(text: str) -> None:
    assert problems(f"limit={text}").keys() == {"limit"}
    assert read(f"limit={MAX_LIMIT}").limit == MAX_LIMIT


def test_an_unknown_name_is_refused_with_the_nearest_one() -> None:
    assert "Did you mean service?" in problems("servce=x")["servce"]


def test_a_name_of_another_list_says_that_it_is_not_used_here() -> None:
    assert "is not used here" in problems("severity=error", TRACE_NAMES)["severity"]


def test_a_name_given_twice_is_refused() -> None:
    assert "more than once" in problems("service=a&service=b")["service"]


def test_an_empty_value_is_not_given() -> None:
    parameters = read("service=&q=+&limit=&service=shop")
    assert (parameters.filter.service, parameters.filter.q, parameters.limit) == ("shop", "", 50)


def test_a_service_is_taken_exactly_blanks_and_all() -> None:
    assert read("service=+my+shop+").filter.service == " my shop "


@pytest.mark.parametrize("text", ["a%00b", "x" * (MAX_TEXT + 1)])
def test_text_no_database_could_look_for_is_refused(text: str) -> None:
    assert problems(f"q={text}").keys() == {"q"}


def test_everything_wrong_is_said_at_once() -> None:
    assert problems("limit=0&range=2d&servce=x").keys() == {"limit", "range", "servce"}


def test_a_sentence_does_not_repeat_a_long_value_whole() -> None:
    assert len(problems(f"range={'x' * 1_000}")["range"]) < 200


def test_a_link_changes_what_it_names_and_keeps_the_rest() -> None:
    parameters = read("service=a&cursor=5-1&range=1h")
    assert parameters.link(cursor=None, range="all") == "?service=a&range=all"
    assert parameters.link(range=None, from_="2026-11-24") == "?service=a&cursor=5-1&from=2026-11-24"


def test_a_command_line_says_the_same_as_a_url() -> None:
    assert parse(query_of({"service": "a b"}), LOG_NAMES, "all").filter == read("service=a+b").filter
