"""A trace, and a span with all below it, as Markdown: what a bug report needs, as long as it takes, nobody's markup."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from collector.ingest import save_now
from dashboard.markdown import block, cell, code, plain
from tests.dashboard.test_claim import made
from tests.dashboard.test_trace import TRACE, fill
from tests.factories import MS, SECOND, T0_NS, batch, make_log, make_span, span_id, trace_id
from tests.sandboxes.loading import link

HOSTILE = (
    "```\n# x | y <img src=x onerror=alert(1)> [a](javascript:b) @someone https://evil.example www.evil.example \u202e"
)


def told(client: Client, trace: str = TRACE, status: int = 200, **query: str) -> str:
    answer = client.get(f"/traces/{trace}.md", query)
    assert answer.status_code == status, answer.content[:500]
    return answer.content.decode()


def outside_of_code(markdown: str) -> str:
    """What is read as Markdown: without fenced blocks, without code in a line."""
    lines, fence = [], ""
    for line in markdown.splitlines():
        ticks = re.match(r"`{3,}", line)
        if fence:
            fence = "" if line == fence else fence
        elif ticks:
            fence = ticks[0]
        else:
            lines.append(re.sub(r"(?<![`\\])(`+)(?!`).+?(?<!`)\1(?!`)", "CODE", line))
    assert not fence
    return "\n".join(lines)


@pytest.mark.django_db
def test_a_trace_is_told_with_its_errors_its_path_its_claim_and_what_was_logged(client: Client) -> None:
    fill()
    link(made("one"), TRACE, span_id(2), "url", "inferred")
    text = told(client)
    assert text.startswith("### Trace checkout: 1.00 s, 1 error\n")
    assert f"trace id `{TRACE}`" in text
    assert "- claim `one` in `default`, starting: linked by url (inferred)" in text
    assert f"http://testserver/traces/{TRACE}/" in text
    assert "| `checkout` | `shop` | 700 ms | 70 % |" in text
    assert re.search(r"^ +1\.00 s +\+0 ns  checkout \(shop\)$", text, re.MULTILINE)
    assert re.search(r"^ +300 ms +\+100 ms    charge  ERROR card declined$", text, re.MULTILINE)
    assert "| +120 ms | INFO | `card refused` |" in text


@pytest.mark.django_db
def test_a_span_is_told_with_its_attributes_events_and_all_below_it(client: Client) -> None:
    fill()
    save_now(batch(make_span("retry", trace=TRACE, span=span_id(3), parent=span_id(2), start_ns=T0_NS + 110 * MS)))
    text = told(client, span=span_id(2))
    assert text.startswith("### Span charge: 300 ms, 1 error\n")
    assert "- error: `card declined`" in text
    assert "| `http.url` | `http://pay/charge` |" in text
    assert "- event `retry` +50 ms" in text
    assert f"/traces/{TRACE}/?span={span_id(2)}" in text
    assert "    retry" in text or "  retry" in text
    assert "checkout" not in text
    assert "card refused" in text
    assert "elsewhere" not in text


@pytest.mark.django_db
def test_a_large_trace_is_told_in_the_length_of_an_issue_with_what_matters(client: Client) -> None:
    rows: list[Any] = [make_span("root", trace=TRACE, span=span_id(1), duration_ns=90 * SECOND)]
    for number in range(2, 900):
        failed = number == 777
        rows.append(
            make_span(
                f"step {number} " + "x" * 300, trace=TRACE, span=span_id(number), parent=span_id(number - 1),
                start_ns=T0_NS + number * MS, duration_ns=80 * SECOND if number == 500 else (1_000 - number) * MS,
                status="error" if failed else "ok", status_message="boom " * 500 if failed else "",
            )
        )  # fmt: skip
    save_now(batch(*rows, *(make_log("failed " * 200, trace=TRACE, severity=17) for _ in range(50))))
    text = told(client)
    assert len(text) < 16_000
    assert "step 777" in text
    assert "boom" in text
    assert "step 500" in text
    assert re.search(r"Spans, \d+ of 899: with errors", text)
    assert "Log lines of errors, the first:" in text


@pytest.mark.django_db
def test_nobodys_words_become_markup_links_or_mentions(client: Client) -> None:
    root = make_span(
        HOSTILE, service=HOSTILE, trace=TRACE, span=span_id(1), status="error", status_message=HOSTILE,
        attributes={HOSTILE: HOSTILE, "pipe": "a\\|b"}, duration_ns=SECOND,
        events=[{"time_ns": str(T0_NS), "name": HOSTILE, "attributes": {"exception.message": HOSTILE}}],
    )  # fmt: skip
    child = make_span(HOSTILE, trace=TRACE, span=span_id(2), parent=span_id(1), duration_ns=SECOND // 2)
    save_now(batch(root, child, make_log(HOSTILE, trace=TRACE, span=span_id(1), severity=17)))
    link(made(HOSTILE, namespace=HOSTILE), TRACE, span_id(1), HOSTILE)
    for text in (told(client), told(client, span=span_id(1))):
        read = outside_of_code(text)
        assert "\u202e" not in text
        assert not re.search(r"(?<!\\)[<>\[\]]", read)
        assert not re.search(r"@\w|://(?!testserver)|www\.", read)
        assert [line for line in text.splitlines() if line.startswith("# ")] == []
        rows = [line for line in read.splitlines() if line.startswith("|")]
        columns = {len(re.findall(r"(?<!\\)\|", line)) for line in rows}
        assert columns <= {3, 4, 5}


@pytest.mark.django_db
def test_what_is_not_there_is_said(client: Client) -> None:
    fill()
    told(client, trace_id(9), status=404)
    told(client, "nonsense", status=404)
    told(client, status=404, span=span_id(99))


@pytest.mark.django_db
def test_a_trace_whose_root_is_missing_and_whose_end_is_not_known_is_told(client: Client) -> None:
    save_now(batch(make_span("lost", trace=TRACE, span=span_id(2), parent=span_id(1), duration_ns=None)))
    text = told(client)
    assert "### Trace root not received" in text
    assert f"(span {span_id(1)} not received)" in text
    assert re.search(r"^ +open +\+0 ns    lost", text, re.MULTILINE)
    assert "### Span lost: end not received" in told(client, span=span_id(2))


def test_a_fence_is_longer_than_any_in_it() -> None:
    assert code("a ``` b", 80) == "````a ``` b````"
    assert code("`x`", 80) == "`` `x` ``"
    assert block(["one", "````"])[0] == "`````text"
    assert code("", 80) == "\u2013"


def test_a_cell_holds_no_open_pipe_and_no_line_break() -> None:
    assert cell("a|b\nc", 80) == "a\\|b c"
    assert cell("a\\|b", 80) == "a\\\\\\|b"
    assert plain("see https://x.example and @me", 80) == "see https:\\/\\/x.example and @\u200bme"
    assert plain("&lt;b&gt; ~~x~~") == "\\&lt;b\\&gt; \\~\\~x\\~\\~"
