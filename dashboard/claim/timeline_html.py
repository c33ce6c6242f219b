"""The timeline's rows as HTML, one string a lane: a template would take 200 us a row, and a page may have 3,000.

Before: `lanes` says what is where. After: templates/dashboard/_claim_timeline.html puts it in its place.

Geometry is SVG in percent, because the content security policy refuses style attributes. Everything a sender or a
cluster chose (names, messages) goes through `escape`; the rest are our own numbers and words.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from dashboard.claim.lanes import Dot, LaneRow, Part, Shape
from dashboard.templatetags.claims import from_zero
from dashboard.templatetags.formats import duration

THIN_PERCENT = 0.35  # thinner than the two pixels a bar needs to be seen
WORDS_INSIDE_PERCENT = 4.0  # a bar that has room for a word of its own
CHARACTER_PERCENT = 0.62  # of an axis that is rarely shorter than 800 pixels
MAX_LABEL = 120
MAX_WORDS = 160


def rows_html(rows: Iterable[LaneRow], traces_path: str, icons: str) -> str:
    """All rows of a lane. `traces_path` is the URL of the traces, `icons` that of icons.svg."""
    return "".join([_row(row, traces_path, icons) for row in rows])


def _row(row: LaneRow, traces_path: str, icons: str) -> str:
    hooks = f' data-key="{escape(row.key)}" id="{escape(row.key)}"'
    if row.span_id and not row.log_id:
        hooks += f' data-trace-id="{row.trace_id}" data-span-id="{row.span_id}"'
    if row.badge:
        hooks += f' data-evidence="{escape(row.badge)}"'
    drawn = "".join(map(_shape, row.shapes)) + "".join([_dot(dot) for dot in row.dots])
    drawn += "".join([_path(part) for part in row.path]) + _words(row)
    return (
        f'<div class="row i{row.depth} {row.kind}"{hooks}>{_label(row, traces_path, icons)}<svg>{drawn}</svg></div>\n'
    )


def _label(row: LaneRow, traces_path: str, icons: str) -> str:
    name = escape(row.label[:MAX_LABEL])
    if row.log_id:
        said = f"<dfn>{escape(row.words[:MAX_LABEL])}</dfn>"  # for small screens: there is no room beside the mark
        name = f'<a href="{traces_path}{row.trace_id}/?span={row.span_id}"><span>{name}</span>{said}</a>'
    elif row.span_id:
        name = f'<b></b><a href="{traces_path}{row.trace_id}/?span={row.span_id}">{name}</a>'
    else:
        name = f"<span>{name}</span>"
    if row.problem:
        name = f'<svg class="icon error"><use href="{icons}#error"/></svg>' + name
    if row.about:
        name += f"<q>{escape(row.about[:MAX_LABEL])}</q>"
    if row.count > 1:
        name += f'<s class="badge">× {row.count}</s>'  # noqa: RUF001 - as people write it
    if row.badge:
        name += f'<s class="badge{" dashed" if row.dashed else ""}">{escape(row.badge)}</s>'
    name += _said(row)
    return f'<span class="name">{name}</span>'


def _said(row: LaneRow) -> str:
    """For small screens, where words have no room beside bars: a length, or a moment."""
    words = ""
    if row.said_ns is not None:
        at = from_zero(row.said_ns, 0)
        words = f"{row.said} {at}" if row.said else at
    elif row.length_ns is not None:
        words = duration(row.length_ns, row.precision_ns)
    if row.problem:
        words = f"{row.problem}  {words}"
    return f"<em>{escape(words)}</em>" if words else ""


def _path(part: Part) -> str:
    width = "2" if part.width < THIN_PERCENT else f"{part.width}%"
    return f'<rect class="path" x="{part.x}%" y="20" width="{width}" height="2"/>'


def _shape(shape: Shape) -> str:
    tall = shape.kind.startswith("tone-")
    y, height = (3, 16) if tall else (5, 12)
    grows = " data-grows" if shape.open else ""
    rect = f'<rect class="{shape.kind}" x="{shape.x}%" y="{y}" width="{shape.width}%" height="{height}"{grows}/>'
    if shape.width < THIN_PERCENT:
        rect += f'<rect class="{shape.kind}" x="{shape.x}%" y="{y}" width="2" height="{height}"/>'
    if " call" in shape.kind or " server" in shape.kind:
        rect += f'<rect class="edge" x="{shape.x}%" y="{y}" width="2" height="{height}"/>'
    if shape.words and shape.width >= WORDS_INSIDE_PERCENT:
        # An SVG of its own cuts the words off where the bar ends.
        words = escape(shape.words[:MAX_WORDS])
        rect += (
            f'<svg class="inside {shape.kind}" x="{shape.x}%" width="{shape.width}%" height="22"{grows}>'
            f'<text x="6" y="15">{words}</text></svg>'
        )
    elif shape.words:
        rect += f"<title>{escape(shape.words[:MAX_WORDS])}</title>"
    return rect


def _dot(dot: Dot) -> str:
    whisker = ""
    if dot.x - dot.lower_x >= THIN_PERCENT:
        whisker = f'<line class="whisker" x1="{dot.lower_x}%" x2="{dot.x}%" y1="11" y2="11"/>'
    return f'{whisker}<svg class="dot" x="{dot.x}%" overflow="visible"><path d="M0 6 5 11 0 16 -5 11z"/></svg>'


def _words(row: LaneRow) -> str:
    length = duration(row.length_ns, row.precision_ns) if row.length_ns is not None else ""
    if row.span_id and row.length_ns is None and row.count == 1 and not row.log_id:
        length = "end not received"
    ends = [shape.x + shape.width for shape in row.shapes] + [dot.x for dot in row.dots]
    if not ends:
        words = _joined(row.words[:MAX_WORDS], row.problem, length)
        if row.outside == "later":
            return f'<text class="off" x="100%" y="15" text-anchor="end">{words}  later →</text>'
        return f'<text class="off" x="0" y="15">{"← earlier  " if row.outside else ""}{words}</text>'
    end, start = max(ends), min([shape.x for shape in row.shapes] + [dot.lower_x for dot in row.dots])
    fixed = len(row.problem) + len(length) + 4  # characters that are not cut
    wanted = (fixed + len(row.words)) * CHARACTER_PERCENT
    right, left = 100 - end, start
    side = right if right >= min(wanted, left) else left
    if side < fixed * CHARACTER_PERCENT:  # the bar takes it all
        inside = ' class="in"' if row.shapes else ""
        words = _joined(row.words[:MAX_WORDS], row.problem, length)
        return f'<text{inside} x="{round(end, 2)}%" dx="-8" y="15" text-anchor="end">{words}</text>'
    words = _joined(_cut(row.words, int(side / CHARACTER_PERCENT) - fixed), row.problem, length)
    if side == right:
        return f'<text x="{round(end, 2)}%" dx="8" y="15">{words}</text>'
    return f'<text x="{start}%" dx="-8" y="15" text-anchor="end">{words}</text>'


def _joined(words: str, problem: str, length: str) -> str:
    return "  ".join(filter(None, (escape(words), _problem(problem), escape(length))))


def _cut(words: str, most: int) -> str:
    return words if len(words) <= most else words[: max(most - 1, 0)] + "…"


def _problem(problem: str) -> str:
    return f"<tspan>{escape(problem)}</tspan>" if problem else ""
