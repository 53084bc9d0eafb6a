"""Times that cannot be: not over yet, or from before the task was started."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple

from orchestrator.check.finding import Finding, Fix, Witness
from orchestrator.check.task_files import TaskFiles
from orchestrator.documents.markdown import plain

_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:\.\d+)?[ \t]*(Z|UTC|[+-]\d\d:?\d\d)?)?", re.IGNORECASE
)
_KEYS = ("startedAt", "completedAt", "updatedAt", "lastUpdated", "createdAt", "timestamp")
_LISTS = ("decisions", "workstreams", "instructions")
_LINE = re.compile(
    r"^[ \t>*+-]*((?:Started|Completed|Finished|Updated|Last Updated|Created|Generated|Decided|Date)(?: At)?)"
    rf"[ \t*]*:[ \t*]*({_TIME.pattern})[ \t\r*]*$",
    re.IGNORECASE | re.MULTILINE,
)
_ZONES = timedelta(hours=14)
"""So far off may be a time that does not say its zone."""
_SKEW = timedelta(minutes=5)
"""So far apart may be the clocks of two machines."""


class Moment(NamedTuple):
    """`day`: no more than that was written; `zoned`: the time says its zone."""

    at: datetime
    day: bool
    zoned: bool

    def is_before(self, other: Moment) -> bool:
        """Surely before; of two days the earlier one is."""
        if self.day and other.day:
            return self.at < other.at
        unsure = timedelta(days=1) if self.day or other.day else timedelta()
        return self.at < other.at - unsure - (timedelta() if self.zoned is other.zoned else _ZONES)


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


def moment(said: object) -> Moment | None:
    """The time a text begins with, None when it begins with none."""
    match = _TIME.match(said) if isinstance(said, str) else None
    if match is None:
        return None
    zone = (match[3] or "Z").upper()
    try:
        at = datetime.fromisoformat(f"{match[1]}T{match[2] or '00:00'}{'+00:00' if zone in ('Z', 'UTC') else zone}")
        return Moment(at.astimezone(UTC), day=match[2] is None, zoned=match[3] is not None)
    except (ValueError, OverflowError):
        return None


def _written(task: TaskFiles) -> Iterator[tuple[str, str, Callable[[], Witness], Fix | None]]:
    """What it is the time of, as it was written, what finds the place, and what the engine can do about it."""
    if status := task.status:
        for key in _KEYS:
            if isinstance(said := status.data.get(key), str):
                yield key, said, partial(status.at, key), "refresh"
        for key in _LISTS:
            for place, row in status.rows(key):
                for name in _KEYS:
                    if isinstance(said := row.get(name), str):
                        yield f"{name} in {key}", said, partial(status.at, key, place, name), "refresh"
    for text in task.markdown:
        for found in _LINE.finditer(text.prose):
            yield f'"{plain(found[1])}"', found[2], partial(text.at_prose, found.start(2)), None
