"""What the heatmap counts: the starts of claims, or all operations.

Before: the page's parameters. After: `charts` draws it, `within` lists what lies in an area of it.
"""

from __future__ import annotations

from dashboard.overview.area import CLAIMS, OPERATIONS, read_view
from dashboard.parameters import Parameters
from sandboxes import questions


def counted(parameters: Parameters) -> str:
    """CLAIMS or OPERATIONS: as the address says, else claims where the range has a start to show.

    Filters of telemetry ask for operations: claims know nothing of services.
    """
    if chosen := read_view(parameters.query).heatmap:
        return chosen
    if parameters.filter.service or parameters.filter.operation:
        return OPERATIONS
    started = questions.claims(parameters.claims).filter(time_to_ready_ns__isnull=False)
    return CLAIMS if started.exists() else OPERATIONS
