"""Is everything in place? One list of checks for the page Setup and for `manage.py doctor`, each with its fix.

Before: the page or the command asks. After: `Check`s, in the order people set things up.

    shapes     a check: what was looked at, what was found, how to put it right; plain Python
    commands   commands and manifests that put things right, to be copied
    stored     what the database knows: telemetry, claims, their links, their clocks
    serving    the dashboard itself: its ports, what arrived, who watches
    own        checks of the dashboard: addresses, database, disk, telemetry
    clocks     checks of clocks: the cluster's, the clients'
    client     checks of this machine: kubectl, the SDK and its extras
    cluster    checks of the cluster: reachable, its API, its clock
    controller, router, blueprints   checks of what runs there; templates and pools are blueprints
    rights     checks of what we, and the SDK, may do there
    looking    all of them, beside each other, within a time limit, remembered for some seconds
"""

from dashboard.doctor.looking import Examination, examination, examine, remembered
from dashboard.doctor.shapes import Check, Status

__all__ = ["Check", "Examination", "Status", "examination", "examine", "remembered"]
