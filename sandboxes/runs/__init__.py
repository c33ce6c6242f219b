"""Runs of test sandboxes: so many claims of a pool, each used and deleted through the published SDK.

    recording   the tables' rows: a run is asked for, begins, goes on, ends
    schedule    when each sandbox starts
    engine      the threads that claim, use and delete; one run at a time
    cleanup     what a run that was cut short left in the cluster
    outcome     what a run came to: percentiles per stage, failures by cause
    comparison  whether two runs differ by more than noise
    tasks       what the worker process is asked for

The web process asks and shows; only the worker loads the SDK (`trigger`) and SciPy (`comparison`).
"""
