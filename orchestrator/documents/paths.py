"""Where documents live: mentions of those that were archived point into `completed/`."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass, replace
from functools import lru_cache
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
)


def moved(task: Task) -> frozenset[str]:
    """The ids of the tasks this one knows to be archived."""
    gone = {row.task for row in task.references if row.moved}
    return frozenset(gone | {task.id} if task.archived else gone)


def relocate(text: str, gone: frozenset[str]) -> str:
    """The text with each `.temp/name-ID.ext` of an archived task as `.temp/completed/name-ID.ext`."""
    return _mention(gone).sub(r".temp/completed/\1", text) if gone and ".temp/" in text else text


def relocated(task: Task, gone: frozenset[str]) -> Task:
    """The task as its documents tell it: every text relocated."""
    return replace(task, **{name: _walk(getattr(task, name), gone) for name in _FACTS}) if gone else task


@lru_cache(maxsize=64)
def _mention(gone: frozenset[str]) -> re.Pattern[str]:
    ids = "|".join(sorted(map(re.escape, gone)))
    name = rf"[A-Za-z0-9](?:[\w.-]*[^\W_])?[-_](?:{ids})(?:\.[A-Za-z0-9]+)+"
    return re.compile(rf"(?<![\w.-])\.temp/({name})(?![\w/-])", re.ASCII)


def _walk(value: Any, gone: frozenset[str]) -> Any:
    if isinstance(value, str):
        return relocate(value, gone)
    if isinstance(value, tuple | list):
        return type(value)(_walk(row, gone) for row in value)
    if isinstance(value, dict):
        return {key: _walk(row, gone) for key, row in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: _walk(getattr(value, field.name), gone) for field in fields(value)})
    return value
