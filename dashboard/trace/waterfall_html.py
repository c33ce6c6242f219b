"""The waterfall's rows as HTML, one string: a template would take 200 us a row, which is a second for 5,000.

Before: `waterfall` says what is where. After: templates/dashboard/_waterfall.html puts it in its place.

Geometry is SVG in percent, because the content security policy refuses style attributes. Everything a sender chose
(names, services, messages) goes through `escape`; the rest are our own numbers and words.
"""

from __future__ import annotations

from collections import defaultdict
from html import escape

from dashboard.templatetags.formats import duration
from dashboard.trace.waterfall import LEFT, RIGHT, Bar, Row, Waterfall

KIND_CLASSES = {2: "server", 3: "call", 4: "producer", 5: "consumer"}
KIND_BOXES = {kind: f"box {name}" for kind, name in KIND_CLASSES.items()}
THIN_PERCENT = 0.6  # a bar that may be thinner than the two pixels one needs to be seen
RULE_WIDTH_PX = 2


class _Escaped(dict[str, str]):
    """Texts made harmless, each once: a trace has many spans and few names."""

    def __missing__(self, text: str) -> str:
        self[text] = escape(text)
        return self[text]


class _Percents(dict[float, str]):
    """Places on an axis as text: hundredths of a percent, so that there are 10,001, and a page has them six a row."""

    def __missing__(self, value: float) -> str:
        text = f"{value}%"
        if 0 <= value <= 100:
            self[value] = text
        return text


PERCENT = _Percents()


def rows_html(drawn: Waterfall, selected: str, icons: str, whole: str = "") -> str:
    """All rows drawn. `selected` is a span id or empty, `icons` the URL of icons.svg, `whole` that of every row."""
    first = selected or (drawn.rows[0].key if drawn.rows else "")
    escaped = _Escaped()
    return "".join(
        [_row(row, selected, row.key == first, icons, escaped) + _left_out(row, whole) for row in drawn.rows]
    )


def _left_out(row: Row, whole: str) -> str:
    """What stands for the spans after a row that are not drawn yet: static/js/trace_rest.js fetches them."""
    if not row.left_out:
        return ""
    return f'<p class="rest" data-rest><a href="{escape(whole)}">{row.left_out:,} more spans</a></p>\n'


def _row(row: Row, selected: str, reachable: bool, icons: str, escaped: _Escaped) -> str:
    off = "" if row.bar.inside else " off"
    attributes = f' class="row i{row.indent} owner-{row.owner}{off}" role="treeitem" aria-level="{row.depth + 1}"'
    attributes += f' data-key="{row.key}" tabindex="{0 if reachable else -1}"'
    if row.span is not None:
        attributes += f' data-span-id="{row.key}"'
    if row.key == selected:
        attributes += ' aria-selected="true"'
    if row.children:
        attributes += f' aria-expanded="{"false" if row.folded else "true"}"'
    if row.hidden:
        attributes += " hidden"
    drawn = _shapes(row) + _words(row, escaped) if row.bar.inside else ""
    return f"<div{attributes}>{_label(row, icons, escaped)}<svg>{drawn}</svg></div>\n"


def _label(row: Row, icons: str, escaped: _Escaped) -> str:
    twist = "<i></i>" if row.children else ""
    if row.folded:
        whose = f"{row.detail} " if row.detail else ""
        return f'<span class="name">{twist}<span>{row.folded} {whose}spans below 1 ms, folded</span></span>'
    if row.span is None:
        return f'<span class="name missing">{twist}<b></b>parent {row.key[:8]}, not received</span>'
    name = escaped[row.span.name or "(no name)"]
    more = f"<q>{escaped[row.address]}</q>" if row.address else ""
    if row.service and row.depth:
        more += f" <em>{escaped[row.service]}</em>"
    if row.problem:
        more = f'<svg class="icon error"><use href="{icons}#error"/></svg>' + more
    if row.in_cycle:
        more += " <u>its own ancestor</u>"
    link = f'<a href="?span={row.key}" tabindex="-1">{name}</a>'
    return f'<span class="name{" leaf" if not row.children else ""}">{twist}<b></b>{link}{more}</span>'


def _shapes(row: Row) -> str:
    bar, span = row.bar, row.span
    if row.folded:
        return f'<rect class="fold" x="{PERCENT[bar.x]}" y="10" width="{PERCENT[bar.width]}" height="2"/>'
    names = "box"
    if span is None:
        names = "box missing"
    else:
        if span.kind in KIND_CLASSES:
            names = KIND_BOXES[span.kind]
        if row.problem:
            names += " failed"
        if row.open or row.backwards:
            names += " unsure"
    shapes = _rect(names, bar, 5, 12)
    if span is not None and span.kind in KIND_CLASSES:
        at = bar.end if span.kind == 4 else bar.x
        shapes += f'<rect class="edge" x="{PERCENT[at]}" y="5" width="{RULE_WIDTH_PX}" height="12"/>'
    for part in row.path:
        shapes += _rect("path", part, 19, 2)
    return shapes


def _rect(name: str, bar: Bar, y: int, height: int) -> str:
    thin = bar.width < THIN_PERCENT
    rect = f'<rect class="{name}" x="{PERCENT[bar.x]}" y="{y}" width="{PERCENT[bar.width]}" height="{height}"/>'
    # Twice: in percent, and as wide as it has to be at least.
    return rect + (
        f'<rect class="{name}" x="{PERCENT[bar.x]}" y="{y}" width="{RULE_WIDTH_PX}" height="{height}"/>' if thin else ""
    )


def _words(row: Row, escaped: _Escaped) -> str:
    if row.folded:
        return ""
    if row.label == RIGHT:
        place = f'x="{PERCENT[row.bar.end]}" dx="{_gap(row)}"'
    elif row.label == LEFT:
        place = f'x="{PERCENT[row.bar.x]}" dx="-6" text-anchor="end"'
    else:
        place = f'class="in" x="{PERCENT[row.bar.end]}" dx="-6" text-anchor="end"'
    span = row.span
    if span is None:
        length = "known from what it called"
    elif span.duration_ns is None:
        length = "end not received"
    elif span.duration_ns < 0:
        length = f"ends {duration(-span.duration_ns)} before it starts"
    else:
        length = duration(span.duration_ns, span.precision_ns)
    words = f"{escaped[row.detail]}  " if row.detail else ""
    if row.problem:
        words += f"<tspan>{escaped[row.problem]}</tspan>  "
    return f'<text {place} y="15">{words}{escaped[length]}</text>'


def _gap(row: Row) -> int:
    return 6 + (RULE_WIDTH_PX if row.bar.width < THIN_PERCENT else 0)


def map_html(drawn: Waterfall) -> str:
    """The whole trace at a glance: one path an owner, a line a span. In a box of 1000 by as many rows as there are.

    Over it the part the axis shows.
    """
    lines: dict[str, list[str]] = defaultdict(list)
    start_ns, whole_ns = drawn.start_ns, drawn.whole_ns
    for number, place in enumerate(drawn.places):
        node = place.node
        if place.folded or node.span is None:
            continue
        x, width = 1000 * (node.start_ns - start_ns) // whole_ns, 1000 * (node.end_ns - node.start_ns) // whole_ns
        lines[place.owner].append(f"M{x} {number}.5h{width if width > 2 else 2}")
    paths = [f'<path class="owner-{owner}" d="{"".join(parts)}"/>' for owner, parts in lines.items()]
    lines_svg = f'<svg viewBox="0 0 1000 {max(len(drawn.places), 1)}" preserveAspectRatio="none">{"".join(paths)}</svg>'
    window = f'<rect class="window" x="{PERCENT[drawn.window.x]}" width="{PERCENT[drawn.window.width]}" height="100%"/>'
    return f'<svg class="map" data-zoom-map data-whole-ns="{drawn.whole_ns}">{lines_svg}{window}</svg>'
