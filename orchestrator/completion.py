"""What a task lacks to be done, as far as its own record tells."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator import evidence
from orchestrator.events import Json
from orchestrator.task import Task


def missing(task: Task) -> tuple[str, ...]:
    """Everything that keeps the task from being done, one line each, in words for the model."""
    return (*_checklist(task), *_rest(task))


def unfit(task: Task, result: Json | None) -> Iterator[str]:
    """What is wrong with the declared result: against the schema of the task, and against what its receipts say."""
    if task.output_schema is not None:
        if result is None:
            yield "`result` is missing: this task declares what it returns"
            return
        from jsonschema import Draft202012Validator  # slow to import, and few tasks declare a schema

        for error in Draft202012Validator(task.output_schema).iter_errors(result):
            yield f"result at {error.json_path}: {error.message}"
    for claim in evidence.unsupported(result or {}, task.changes):
        yield f"result: {claim}"


def _checklist(task: Task) -> Iterator[str]:
    if not task.live_items:
        yield "the checklist is empty: add what the task consists of, and check it with evidence"
    for item in task.live_items:
        if not item.checked:
            yield f"{item.id} “{item.text}” is open: check it with evidence, or drop it with a reason"
        elif item.checked_by in ("worker", "command") and (
            flaw := evidence.flaw(item.text, item.added_at, item.evidence, task.receipts, task.undone)
        ):
            yield f"{item.id} “{item.text}” is checked without proof: {flaw}"


def _rest(task: Task) -> Iterator[str]:
    for child in task.children:
        if child.open:
            yield f"task {child.id}, given to {child.agent}, is {child.status}: go on with it, or cancel it"
    for workstream in task.workstreams:
        if workstream.status != "completed":
            yield f"workstream {workstream.id} is {workstream.status}"
    for blocker in task.blockers:
        if blocker.resolution is None:
            yield f"{blocker.id} “{blocker.text}” is not resolved"
    owed = [receipt.id for receipt in task.receipts[task.synced_receipts :] if receipt.effectful]
    if owed:
        yield f"Sync is owed for {', '.join(owed)}"
