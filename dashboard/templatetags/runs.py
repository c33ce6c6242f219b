"""Runs in templates: states as icons and classes, what a comparison found in words."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any
from urllib.parse import quote

from django import template
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from dashboard.runs.precision import shown
from dashboard.runs.sheet import Cell
from dashboard.runs.stages import StageRow
from dashboard.templatetags.formats import duration
from sandboxes.runs.outcome import Spread

register = template.Library()

ICONS = {
    "queued": "clock",
    "running": "starting",
    "cancelling": "starting",
    "finished": "ready",
    "cancelled": "deleted",
    "interrupted": "warning",
    "failed": "error",
}
CLASSES = {"running": "ready", "finished": "ready", "interrupted": "stuck warning", "failed": "failed error"}


@register.filter
def run_icon(state: str, failed: int = 0) -> str:
    """A run that came to its end is all well only when every sandbox did: `failed` of them did not."""
    return "warning" if state == "finished" and failed else ICONS.get(state, "starting")


@register.filter
def run_class(state: str, failed: int = 0) -> str:
    """Of its chip or word."""
    return "stuck warning" if state == "finished" and failed else CLASSES.get(state, "")


@register.filter
def run_claim(name: str) -> str:
    """A claim of a run where there is little room: its number."""
    return name.rpartition("-")[2] or name


@register.filter
def moved_words(moved: dict[str, Any]) -> str:
    """By how much a stage moved, how sure that is, and of how many it was measured."""
    counts = f"{moved['count']} against {moved['earlier_count']}"
    if moved["p_value"] is None:
        return f"too few to tell: {counts}"
    sign = "+" if moved["shift_ns"] >= 0 else ""
    low, high = moved["shift_lower_ns"], moved["shift_upper_ns"]
    return (
        f"median {sign}{duration(moved['shift_ns'])}, 95 % between {duration(low)} and {duration(high)};"
        f" p {moved['p_value']:.2g}, {counts}"
    )


@register.filter
def at(spread: Spread | None, name: str) -> str:
    """A percentile of a spread (p50, p95, p99, max), no finer than it was measured; a dash where nothing was."""
    return duration(None) if spread is None else duration(*shown(spread)[name])


@register.filter
def cells_html(cells: Iterable[Cell]) -> SafeString:
    """A cell a sandbox, with a link to its claim. One string: tags took 15 ms of a run of 500, at every change of it.

    The uids came from a cluster or a file; the rest are our own words and numbers.
    """
    claims = reverse("claims")
    return mark_safe("".join([_cell(cell, claims) for cell in cells]))  # noqa: S308  # escaped where it is somebody's


def _cell(cell: Cell, claims: str) -> str:
    words = escape(cell.words)
    said = f'<span class="visually-hidden">{words}</span>'
    if cell.uid:
        said = f'<a href="{claims}{quote(cell.uid)}/">{said}</a>'
    return f'<li class="cell {escape(cell.look)} shade-{cell.shade}" title="{words}">{said}</li>'


@register.filter
def dots_html(row: StageRow) -> SafeString:
    """A stage's dots, a thousand on a page of a hundred sandboxes: numbers, and a colour of ours."""
    dots = [f'<circle class="owner-{row.measure.owner}" cx="{dot}%" cy="8" r="2.5"/>' for dot in row.dots]
    return mark_safe("".join(dots))  # noqa: S308
