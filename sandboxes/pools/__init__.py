"""Warm pools and templates: how many Sandboxes are ready, whom they served, when there were none.

Before: `store` has kept versions of pools and templates, and a row of each claim. After: the page of pools and the API
show an `Overview`.

    shapes    what the page gets; plain Python
    reading   the newest versions, the versions of a time range, the claims that name a pool
    levels    versions of a pool to how many were ready when, and when it was drained; plain Python
    figures   the claims of a pool to counts, warm hits and percentiles; plain Python
    overview  all of it put together
"""

from sandboxes.pools.overview import overview
from sandboxes.pools.shapes import Drain, Figures, Level, Overview, Pool, PoolState, Template

__all__ = ["Drain", "Figures", "Level", "Overview", "Pool", "PoolState", "Template", "overview"]
