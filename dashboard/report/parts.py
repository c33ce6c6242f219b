"""What a report is made of: sections of numbers, tables and figures.

Before: `run`, `claim` and `span_of_time` read what is known. After: `document` writes it.

A cell has words for people and the exact value, written as the CSV writes it: a program that reads the file gets the
numbers of the export.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dashboard.charts import Chart
from dashboard.csv_rows import iso_time
from dashboard.csv_rows.cells import milliseconds
from dashboard.templatetags.formats import UNKNOWN, count, duration


@dataclass(frozen=True, slots=True)
class Cell:
    """`exact` is the CSV's text; empty where the words are all there is."""

    words: str
    exact: str = ""
    owner: str = ""  # whose stage it is: a colour beside the word
    tone: str = ""  # error, warning


@dataclass(frozen=True, slots=True)
class Number:
    """A big number with what it is."""

    label: str
    cell: Cell
    note: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Columns from `numbers` on are numbers. `name` is how a program finds it."""

    name: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    numbers: int = 1
    empty: str = "None."
    note: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart by name, and how high it is."""

    name: str
    title: str
    chart: Chart
    height: str = ""  # tall, or as many rows as it has: rows-N
    legend: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A part with a title."""

    title: str
    note: str = ""
    numbers: Sequence[Number] = ()
    words: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A file. `facts` are pairs; `source` is the page that shows the same, live."""

    name: str  # of the file, without its ending
    title: str
    kind: str
    made_ns: int
    source: str
    facts: Sequence[tuple[str, str]] = ()
    lead: str = ""
    sections: Sequence[Section] = field(default=())


def text(words: str, owner: str = "", tone: str = "") -> Cell:
    """Words alone."""
    return Cell(words or UNKNOWN, owner=owner, tone=tone)


def number(value: int | None, tone: str = "") -> Cell:
    """A count."""
    return Cell(count(value), "" if value is None else str(value), tone=tone)


def length(ns: int | None, precision_ns: int = 1, words: str = "") -> Cell:
    """How long something took; exact is in milliseconds."""
    return Cell(words or duration(ns, precision_ns), "" if ns is None else milliseconds(ns))


def moment(ns: int | None) -> Cell:
    """A time, UTC; exact is in nanoseconds."""
    if ns is None:
        return Cell(UNKNOWN)
    return Cell(f"{iso_time(ns)[:23].replace('T', ' ')}", str(ns))
