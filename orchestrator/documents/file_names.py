"""What documents are called: a contract with other people's agents."""

from __future__ import annotations

import re

from orchestrator.events import Kind

_NAME = re.compile(r"([a-z]+(?:-[a-z]+)*)-([A-Z0-9]{6})\.(?:md|json)", re.ASCII)


def file_name(kind: Kind, task_id: str) -> str:
    """`plan-K7Q2MX.md`"""
    return f"{kind}-{task_id}.{'json' if kind == 'task-status' else 'md'}"


def parts(name: str) -> tuple[Kind, str] | None:
    """The kind and task a file's name says, None when it is not of that form."""
    match = _NAME.fullmatch(name)
    return (match[1], match[2]) if match and file_name(match[1], match[2]) == name else None
