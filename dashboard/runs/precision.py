"""How precisely the percentiles of a stage are shown, so that none reads lower than the one before it.

Before: `outcome` took each percentile from one sandbox, which was measured as well as its clocks allowed. After: pages,
reports and the terminal write them; CSV and the API have each with its own precision.

Of 100 ms, known to 210, and 120 ms, known to 149, `< 500 ms` and `< 200 ms` are both true, and read as if p95 were
below p50. Those that would are written with the coarsest precision among them: all to the coarsest of a stage would
take from a p50 of 15 ms what is known of it, because the longest was dated by whole seconds.
"""

from __future__ import annotations

from dashboard.templatetags.formats import reads_as
from sandboxes.runs.outcome import Spread

NAMES = ("p50", "p95", "p99", "max")
Figure = tuple[int, int]  # ns, and its precision


def shown(spread: Spread) -> dict[str, Figure]:
    """Each of NAMES with the precision to write it with."""
    groups: list[list[Figure]] = []  # each with one precision
    for name in NAMES:
        groups.append([spread.at(name)])
        while len(groups) > 1 and reads_as(*groups[-2][-1]) > reads_as(*groups[-1][0]):
            both = groups.pop(-2) + groups.pop()
            precision_ns = max(precision for _, precision in both)
            groups.append([(ns, precision_ns) for ns, _ in both])
    return dict(zip(NAMES, (figure for group in groups for figure in group), strict=True))
