"""Times as people and agents write them in documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from orchestrator.documents.markdown import plain
from orchestrator.events import Json

_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:\.\d+)?[ \t]*(Z|UTC|[+-]\d\d:?\d\d)?)?", re.IGNORECASE
)
KEYS = ("startedAt", "completedAt", "updatedAt", "lastUpdated", "createdAt", "timestamp")
LISTS = ("decisions", "workstreams", "instructions")
"""The keys of the status document whose rows say times too."""
_LINE = re.compile(
    r"^[ \t>*+-]*((?:Started|Completed|Finished|Updated|Last Updated|Created|Generated|Decided|Date)(?: At)?)"
    rf"[ \t*]*:[ \t*]*({_TIME.pattern})[ \t\r*]*$",
    re.IGNORECASE | re.MULTILINE,
)
_ZONES = timedelta(hours=14)
"""So far off may be a time that does not say its zone."""


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

    def __str__(self) -> str:
        """As ISO 8601 writes it; without a zone where none was said."""
        text = self.at.isoformat().replace("+00:00", "Z" if self.zoned else "")
        return text[:10] if self.day else text


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


class Written(NamedTuple):
    """`label`: what it is the time of; `place`: offset in the text."""

    label: str
    said: str
    place: int


def lines(text: str) -> Iterator[Written]:
    """The times that stand in a line of a Markdown text, behind what they are the time of."""
    return (Written(plain(found[1]), found[2], found.start(2)) for found in _LINE.finditer(text))


def values(data: Json) -> Iterator[tuple[str, str, tuple[str | int, ...]]]:
    """The times that a status document says: what of, as written, and the keys that lead there."""
    for key in KEYS:
        if isinstance(said := data.get(key), str):
            yield key, said, (key,)
    for key in LISTS:
        listed = data.get(key)
        rows = enumerate(listed) if isinstance(listed, list) else listed.items() if isinstance(listed, dict) else ()
        for place, row in rows:
            for name in KEYS if isinstance(row, dict) else ():
                if isinstance(said := row.get(name), str):
                    yield f"{name} in {key}", said, (key, place, name)
