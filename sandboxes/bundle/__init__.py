"""The cluster's side of a bundle: objects' versions, claims and runs as lines, and back.

Before: `dashboard.bundle` has chosen claims and runs. After: `file_objects` hands a file's lines to `reading`.

A version is a line of a watch stream that also says which cluster it is of, and may be LISTED or GONE; CLUSTER, CLAIM,
RUN and RUN_SANDBOX are types of our own. All of them are marked, and a header comes first.
"""

from sandboxes.bundle.lines import MARK, claim_line, cluster_line, header, run_lines, version_line
from sandboxes.bundle.reading import Bundled

__all__ = ["MARK", "Bundled", "claim_line", "cluster_line", "header", "run_lines", "version_line"]
