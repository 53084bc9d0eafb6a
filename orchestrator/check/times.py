"""Times that cannot be: not over yet, or from before the task was started."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

from orchestrator.check.finding import Finding, Fix, Witness
from orchestrator.check.task_files import TaskFiles
from orchestrator.documents.dates import Moment, lines, moment, values

_SKEW = timedelta(minutes=5)
"""So far apart may be the clocks of two machines."""


def times(task: TaskFiles) -> Iterator[Finding]:
    """A time in the future, or before the task was started."""
    now = Moment(datetime.now(UTC) + _SKEW, day=False, zoned=True)
    started = moment(task.data.get("startedAt"))
    for name, said, where, fix in _written(task):
        at = moment(said)
        if at is None:
            continue
        if now.is_before(at):
            says = f"{name} is {said}, which is in the future"
            yield task.finding("time-in-the-future", "error", says, where(), Witness("the clock"), fix=fix)
        elif started and task.status and at.is_before(started):
            says = f"{name} is {said}, before the task was started at {task.data['startedAt']}"
            yield task.finding("time-before-start", "error", says, where(), task.status.at("startedAt"), fix=fix)


def _written(task: TaskFiles) -> Iterator[tuple[str, str, Callable[[], Witness], Fix | None]]:
    """What it is the time of, as it was written, what finds the place, and what the engine can do about it."""
    if status := task.status:
        for name, said, path in values(status.data):
            yield name, said, partial(status.at, *path), "refresh"
    for text in task.markdown:
        for found in lines(text.prose):
            yield f'"{found.label}"', found.said, partial(text.at_prose, found.place), None
