"""What the worker process is asked for, through a queue in the database.

Before: a page asks (`recording.ask`), or the server finds a run whose process died. After: `manage.py run_worker` takes
it up, and does what `work` names.
"""

from __future__ import annotations

from collections.abc import Callable

from django_tasks import task

# What each task does. The worker fills it in: the web process asks only, and loads neither the SDK nor SciPy for that
# (together a hundred megabytes).
work: dict[str, Callable[..., object]] = {}


@task()
def execute(run_id: str) -> None:
    """Does a run."""
    work["execute"](run_id)


@task()
def clean_up(run_id: str) -> None:
    """Deletes what a run whose process died left in the cluster."""
    work["clean_up"](run_id)


@task()
def compare(run_id: str, earlier_id: str) -> None:
    """Compares a run with an earlier one."""
    work["compare"](run_id, earlier_id)
