"""The calls of a worker that died or was stopped, before another one records what became of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from orchestrator import process, traces, workspace
from orchestrator.engine import Engine
from orchestrator.errors import ToolError
from orchestrator.events import FileChange
from orchestrator.task import Task
from orchestrator.worker import others


def started(engine: Engine, task: Task) -> tuple[Path, ...]:
    """The folders of the commands among them that ran, or still do."""
    commands = engine.folder.commands(task.id)
    folders = (process.folder(commands, intent.call) for intent in task.pending if intent.command is not None)
    return tuple(folder for folder in folders if (folder / "started").exists())


def changes(engine: Engine, task: Task, root: Path, *, apart: bool) -> tuple[FileChange, ...]:
    """What they did to files, as receipts will say it; to be asked only while nobody works on the task.

    `root`: the workspace; `apart`: no other task works there. What a running command does is told once it has ended.
    """
    found = list(_written(task, root, engine.folder.temp))
    if not engine.folder.running(task.id):
        for folder in started(engine, task):
            found += traces.see(folder, root, engine.folder.temp, engine.folder.contents.keep, apart=apart)
    claimed = others.claims(engine, task) if found else ()
    return tuple(change for change in found if (change.path, change.after) not in claimed)


def _written(task: Task, root: Path, temp: Path) -> Iterator[FileChange]:
    """By Write and Edit: a file that is what a call, or a later one of the same message, would have made of it."""
    for place, intent in enumerate(task.pending):
        if intent.path is not None and intent.after is not None:
            try:
                now = workspace.digest(workspace.locate(root, temp, intent.path).read())
            except ToolError:  # no file that they write
                continue
            if now in {later.after for later in task.pending[place:] if later.path == intent.path}:
                yield FileChange(path=intent.path, before=intent.before, after=intent.after)
