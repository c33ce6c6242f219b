"""Every export as LibreOffice opens it: texts that look like formulas are texts, and nothing is run.

A spreadsheet's numbers have fifteen digits, present-day nanoseconds nineteen: that is why each time is there twice, and
the one people read is a text.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

import pytest
from django.http import QueryDict

from collector.ingest import save_now
from dashboard.csv_rows import iso_time
from dashboard.export import NAMES, csv_chunks, parse_export
from sandboxes.models import Claim, Cluster, Run
from tests.dashboard.test_export import ASKED
from tests.dashboard.test_export_round_trip import expected
from tests.dashboard.test_runs import ended
from tests.factories import MS, T0_NS, batch, make_histogram, make_log, make_span, span_id, trace_id
from tests.required import refuse
from tests.sandboxes.loading import link

pytestmark = [pytest.mark.django_db, pytest.mark.long]

OPEN_TIMEOUT_S = 300  # only a failure takes that long
# Comma, quote, UTF-8, from line 1; no formats; texts as they are; numbers and dates recognised; formulas run: whatever
# may go wrong does.
AS_CSV = "Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,0,true"
OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
# Columns of digits that name something: of a trace id that has no letter a spreadsheet makes a number.
LIKE_NUMBERS = {"trace_id", "span_id", "parent_span_id", "severity_number", "pre_warmed"}


class Cell(NamedTuple):
    """What a spreadsheet holds in a cell."""

    kind: str  # string, float, date, ...; empty without a value
    shown: str
    formula: str | None


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """Where a formula that is run would call."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


@pytest.fixture
def texts(listening: socket.socket) -> list[str]:
    """What somebody who wants something run would send."""
    port = listening.getsockname()[1]
    return [
        f'=WEBSERVICE("http://127.0.0.1:{port}/")',
        "=1+1",
        "+1+1",
        "-1-1",
        "@SUM(1;1)",
        "\t=1+1",
        '\r=HYPERLINK("x")',
        "=cmd|' /C calc'!A0",
        '"=1+1',
    ]


def fill(texts: list[str]) -> None:
    """One of everything whose texts are these, wherever others choose them."""
    run_id = ended()
    claims = list(Claim.objects.all())
    Cluster.objects.update(name=texts[0])
    for number, text in enumerate(texts, 1):
        trace, span, start_ns = trace_id(number), span_id(number), T0_NS + number * MS
        save_now(
            batch(
                make_span(
                    text,
                    service=text,
                    scope=text,
                    trace=trace,
                    span=span,
                    start_ns=start_ns,
                    duration_ns=1_500_000_001,
                    status_message=text,
                    attributes={text: text},
                ),
                make_log(text, service=text, scope=text, severity_text=text, time_ns=start_ns),
                make_histogram([10.0, 20.5], [5, 4, 1], name=text, service=text, unit=text, sum=-1.5, time_ns=start_ns),
            )
        )
        Claim.objects.filter(pk=claims[number % len(claims)].pk).update(
            uid=text,
            namespace=text,
            name=text,
            pool=text,
            template=text,
            reason=text,
            sandbox=text,
            pod=text,
            node=text,
        )
        link(Claim.objects.get(uid=text), trace, span, evidence=text)
        run = Run.objects.get(uid=run_id)
        plan = {**run.plan, "pool": text, "namespace": text, "label": text}
        run.pk, run.uid, run.note, run.asked_by, run.plan = None, text, text, text, plan
        run.save(force_insert=True)


def opened(files: list[Path], folder: Path) -> dict[str, list[list[Cell]]]:
    """The rows of each file, header first, as LibreOffice has them."""
    if not shutil.which("soffice"):
        refuse("no LibreOffice: install the package libreoffice-calc")
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    command = [
        "soffice",
        profile,
        "--headless",
        "--convert-to",
        "fods",
        f"--infilter={AS_CSV}",
        "--outdir",
        str(folder),
    ]
    done = subprocess.run([*command, *map(str, files)], capture_output=True, text=True, timeout=OPEN_TIMEOUT_S)
    assert done.returncode == 0, done.stderr
    return {file.stem: list(rows_of(folder / f"{file.stem}.fods")) for file in files}


def rows_of(path: Path) -> Iterator[list[Cell]]:
    for row in ElementTree.parse(path).iter(f"{TABLE}table-row"):
        cells: list[Cell] = []
        for cell in row.iter(f"{TABLE}table-cell"):
            shown = "\n".join("".join(part.itertext()) for part in cell.iter(f"{TEXT}p"))
            found = Cell(cell.get(f"{OFFICE}value-type", ""), shown, cell.get(f"{TABLE}formula"))
            cells += repeat(found, int(cell.get(f"{TABLE}number-columns-repeated", "1")))
        yield cells


def test_texts_are_texts_and_nothing_is_run(tmp_path: Path, listening: socket.socket, texts: list[str]) -> None:
    fill(texts)
    files = [tmp_path / f"{name}.csv" for name in NAMES]
    for file in files:
        file.write_bytes(b"".join(csv_chunks(file.stem, parse_export(file.stem, QueryDict(ASKED.get(file.stem, ""))))))
    unguarded = tmp_path / "unguarded.csv"
    unguarded.write_text("text\n=1+1\n")
    sheets = opened([*files, unguarded], tmp_path)
    assert sheets.pop("unguarded")[1][0] == Cell("float", "2", "of:=1+1"), "LibreOffice would run one"
    for name, (header, *rows) in sheets.items():
        columns = [cell.shown for cell in header]
        for row in rows:
            for column, cell in zip(columns, row, strict=False):  # cells behind the last with a value may be missing
                assert cell.formula is None, (name, column, cell)
                if column not in LIKE_NUMBERS and expected(name, column) in ("text", "time"):
                    assert cell.kind in ("string", ""), (name, column, cell)
        shown = {cell.shown for row in rows for cell in row}
        # A tab and a line break are white space to XML, and to the eye.
        if name != "compared_stages":  # all its words are ours
            assert {f"'{text}".strip() for text in texts if text[0] in "=+-@"} <= shown, name
    with pytest.raises(BlockingIOError):
        listening.accept()


def test_times_are_exact_as_texts_and_durations_as_numbers(tmp_path: Path) -> None:
    save_now(batch(make_span(start_ns=T0_NS + 1, duration_ns=1_500_000_001)))
    file = tmp_path / "spans.csv"
    file.write_bytes(b"".join(csv_chunks("spans", parse_export("spans", QueryDict("")))))
    header, row = opened([file], tmp_path)["spans"]
    found = dict(zip((cell.shown for cell in header), row, strict=True))
    assert found["start_time"] == Cell("string", iso_time(T0_NS + 1), None)
    assert found["duration_ms"] == Cell("float", "1500.000001", None)
    assert found["start_ns"].kind == "float"
    assert int(float(found["start_ns"].shown)) != T0_NS + 1, "fifteen digits of nineteen"
