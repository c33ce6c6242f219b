"""A report as one file: Plotly, styles and fonts inside, no request to anywhere, also when it is opened from a disk.

Before: `run`, `claim` or `span_of_time` made the report. After: `views.report` sends it, `manage.py report` writes it.

Names and messages in it come from senders. Django escapes them; in the figures' JSON `<`, `>` and `&` are written as
\\u003c and so on, so that no text can end its script element. A policy in the file itself allows just the scripts that
were put there, by their digests, and no connection: whatever slipped through would not run.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from dashboard.charts import Chart
from dashboard.report.parts import Report

STYLES = ("css/tokens.css", "css/owners.css", "css/report.css")
FIGURE_SCRIPTS = ("js/chart_figure.js", "js/report.js")  # ES modules, written one after the other
PLOTLY = "vendor/plotly-cartesian-*.min.js"
FONT = re.compile(r'url\("\.\./(vendor/[\w.-]+\.woff2)"\)')
IMPORT = re.compile(r"^import .*?;\n", re.MULTILINE)
IN_SCRIPT = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def write(report: Report) -> bytes:
    """The whole file."""
    figures = [figure for section in report.sections for figure in section.figures if not figure.chart.empty]
    scripts = [plotly(), figure_script()] if figures else []
    context: dict[str, Any] = {
        "report": report,
        "styles": mark_safe(styles()),  # noqa: S308 - our own files
        "policy": policy(scripts),
        "plotly": mark_safe(scripts[0]) if scripts else "",  # noqa: S308 - our own file
        "script": mark_safe(scripts[1]) if scripts else "",  # noqa: S308 - our own file
        "figures": [(figure.name, figure_json(figure.chart)) for figure in figures],
    }
    return render_to_string("report/document.html", context).encode()


def figure_json(chart: Chart) -> SafeString:
    """What stands in a script element of data: nothing in it can end that element."""
    return mark_safe(chart.as_json().decode().translate(IN_SCRIPT))  # noqa: S308 - escaped on this very line


def policy(scripts: list[str]) -> str:
    """Only these scripts, only what is in the file."""
    digests = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()}'" for one in scripts
    )
    return (
        f"default-src 'none'; script-src {digests or chr(39) + 'none' + chr(39)}; style-src 'unsafe-inline';"
        " font-src data:; img-src data:; base-uri 'none'; form-action 'none'"
    )


@cache
def styles() -> str:
    """The sheets, with the fonts in them."""
    return FONT.sub(lambda found: f'url("data:font/woff2;base64,{_encoded(found[1])}")', "\n".join(map(_read, STYLES)))


@cache
def figure_script() -> str:
    """The modules as one: each is loaded after what it imports, so the imports themselves go."""
    return _safe("\n".join(IMPORT.sub("", _read(name)) for name in FIGURE_SCRIPTS))


@cache
def plotly() -> str:
    """The library, of whatever version is in the checkout."""
    folder = _path("vendor/README.md").parent
    (found,) = folder.glob(Path(PLOTLY).name)
    return _safe(found.read_text())


def _safe(script: str) -> str:
    """A script that would end its element, or begin a comment of HTML, has no place in a page."""
    assert not re.search(r"</script|<!--", script, re.IGNORECASE), "a script holds what HTML takes for its own"
    return script


def _read(name: str) -> str:
    return _path(name).read_text()


def _encoded(name: str) -> str:
    return base64.b64encode(_path(name).read_bytes()).decode()


def _path(name: str) -> Path:
    found = finders.find(name)
    assert isinstance(found, str), f"static/{name} is missing"
    return Path(found)
