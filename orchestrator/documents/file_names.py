"""What documents are called: a contract with other people's agents."""

from __future__ import annotations

import re

from orchestrator.events import Kind

KINDS: tuple[Kind, ...] = (
    "plan",
    "checklist",
    "progress",
    "architecture-notes",
    "completion-summary",
    "task-status",
)
"""All kinds, the status last: it lists the digests of the others and so is the manifest of the set."""

_NAME = re.compile(rf"({'|'.join(KINDS)})-([A-Z0-9]{{6}})\.(md|json)")


def file_name(kind: Kind, task_id: str) -> str:
    """`plan-K7Q2MX.md`"""
    return f"{kind}-{task_id}.{'json' if kind == 'task-status' else 'md'}"


def identify(name: str) -> tuple[Kind, str] | None:
    """The kind and task of a file's name, None when it is no document's."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    kind = next(kind for kind in KINDS if kind == match[1])
    return (kind, match[2]) if file_name(kind, match[2]) == name else None
