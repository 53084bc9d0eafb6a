"""What texts call a task and its files: mentions follow when it is archived, reopened or renamed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import lru_cache
from operator import is_
from typing import Any

from orchestrator.task import Task

_FACTS = (
    "description",
    "reason",
    "phase",
    "workstreams",
    "items",
    "decisions",
    "blockers",
    "next_steps",
    "prose",
    "texts",
    "summary",
    "result",
    "instructions",
)
_NAMES = (
    *("parent", "references", "children", "draws", "limited_by"),
    *("messages", "others", "forked", "companions", "set_aside", "adopted"),
)
"""Beside the facts, what holds ids of tasks and names of their files."""


def moved(task: Task) -> frozenset[str]:
    """The ids of the tasks this one knows to be archived; its own not when it was adopted so: its texts stay."""
    gone = {row.task for row in task.references if row.moved}
    return frozenset(gone | {task.id} if task.archived and task.by_hand != "archived" else gone)


def relocate(text: str, gone: frozenset[str]) -> str:
    """The text with each `.temp/name-ID.ext` of an archived task as `.temp/completed/name-ID.ext`."""
    return _mention(".temp", gone).sub(r".temp/completed/\1", text) if gone and ".temp/" in text else text


def relocated(task: Task, gone: frozenset[str]) -> Task:
    """The task as its documents tell it: every text relocated, every reference leading where those are."""
    rows = tuple(
        row if row.moved is (row.task in gone) else replace(row, moved=not row.moved) for row in task.references
    )
    if rows != task.references:
        task = replace(task, references=rows)
    return _put(task, _FACTS, lambda text: relocate(text, gone)) if gone else task


def returned(task: Task, back: str) -> Task:
    """The task with each `.temp/completed/name-ID.ext` of a reopened one as `.temp/name-ID.ext`."""
    mention = _mention(".temp/completed", frozenset({back}))
    return _put(task, _FACTS, lambda text: mention.sub(r".temp/\1", text))


def renamed(task: Task, old: str, new: str) -> Task:
    """The task with another id for one it mentions, or for its own: alone, and in the names of files."""
    mention = re.compile(rf"(?<![A-Za-z0-9]){old}(?![A-Za-z0-9])", re.ASCII)
    return _put(task, (*_FACTS, *_NAMES), lambda text: mention.sub(new, text))


PLACED = re.compile(
    r"(?<![\w.-])\.temp/(?P<completed>completed/|)"
    r"(?P<name>[A-Za-z0-9](?:[\w.-]*[^\W_])?[-_](?P<task>[A-Z0-9]{6})(?:\.[A-Za-z0-9]+)+)(?![\w/-])",
    re.ASCII,
)
"""A mention of some task's file by the place where it lies: what is brought up to date when that one is moved."""


@lru_cache(maxsize=64)
def _mention(place: str, ids: frozenset[str]) -> re.Pattern[str]:
    anyone = "|".join(sorted(map(re.escape, ids)))
    name = rf"[A-Za-z0-9](?:[\w.-]*[^\W_])?[-_](?:{anyone})(?:\.[A-Za-z0-9]+)+"
    return re.compile(rf"(?<![\w.-]){re.escape(place)}/({name})(?![\w/-])", re.ASCII)


def _put(task: Task, names: tuple[str, ...], change: Callable[[str], str]) -> Task:
    before = {name: getattr(task, name) for name in names}
    after = {name: _walk(value, change) for name, value in before.items()}
    return task if _same(before, after) else replace(task, **after)


def _walk(value: Any, change: Callable[[str], str]) -> Any:
    """The value itself where nothing in it changes."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, tuple | list):
        rows = [_walk(row, change) for row in value]
        return value if all(map(is_, rows, value)) else type(value)(rows)
    if isinstance(value, dict):
        put = {key: _walk(row, change) for key, row in value.items()}
        return value if _same(value, put) else put
    if is_dataclass(value) and not isinstance(value, type):
        before = {field.name: getattr(value, field.name) for field in fields(value)}
        after = {name: _walk(row, change) for name, row in before.items()}
        return value if _same(before, after) else replace(value, **after)
    return value


def _same(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> bool:
    """True when each value is the very same object."""
    return all(map(is_, before.values(), after.values()))
