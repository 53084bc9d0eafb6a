"""When an agent owes a `Sync`: what the engine can see that is not recorded yet."""

from __future__ import annotations

import re

from orchestrator.events import Receipt
from orchestrator.task import Task

SEVERAL = 3
"""So many effectful calls without a Sync are a reason of their own."""

_CHECK = re.compile(r"\b(test|tests|pytest|jest|vitest|mocha|check|lint|eslint|audit|bench|benchmark|tsc|verify)\b")


def due(task: Task, *, dependency_moved: bool = False) -> tuple[str, ...]:
    """The ids of the triggers that call for a Sync now; see prompts/triggers.md for their words."""
    receipts = _effectful_since(task, task.synced_receipts)
    found = {
        "files-changed": any(change.before != change.after for receipt in receipts for change in receipt.files),
        "check-ran": any(receipt.command and _CHECK.search(receipt.command) for receipt in receipts),
        "dependency-moved": dependency_moved,
        "calls-without-sync": len(receipts) >= SEVERAL,
    }
    return tuple(name for name, holds in found.items() if holds)


def exhausted(task: Task) -> bool:
    """True when the model was asked, and has made the one effectful call that was left to it."""
    return task.asked_receipts is not None and bool(_effectful_since(task, task.asked_receipts))


def _effectful_since(task: Task, index: int) -> list[Receipt]:
    return [receipt for receipt in task.receipts[index:] if receipt.effectful]
