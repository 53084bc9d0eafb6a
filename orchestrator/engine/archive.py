"""Moves a task's files to `completed/`: every step may be repeated, so a crash anywhere rolls forward."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from orchestrator import documents, files
from orchestrator.engine.absorption import Aside
from orchestrator.engine.desk import Desk
from orchestrator.engine.folder import Folder
from orchestrator.events import Kind
from orchestrator.task import digest


def stage(desk: Desk, folder: Folder) -> None:
    """Durable copies of all documents in `completed/`, the status JSON last: it vouches for the others."""
    task, disk = desk.task, folder.disk
    for name in task.companions:
        source, target = folder.temp / name, folder.completed / name
        if source.exists() and not target.exists():
            disk.move_new(source, target)
    for kind in documents.kinds(task):
        target = folder.document(task, kind)
        copy = target.with_name(f".{target.name}")
        if files.read(target) != desk.text(kind):
            disk.remove(copy)
            disk.create(copy, desk.text(kind), sync=True)
            disk.move(copy, target)
        desk.seen[kind] = desk.text(kind)
    disk.sync_directory(folder.completed)


def clear(desk: Desk, folder: Folder) -> Iterator[tuple[Path, Aside]]:
    """Take the originals away; yields those that somebody edited in the last instant and where they are now.

    They were moved out of reach before they were looked at; the caller keeps the text, then removes the file.
    """
    for kind in documents.KINDS:
        original, staged = folder.temp / documents.file_name(kind, desk.task.id), folder.staged(desk.task, kind)
        for source in (staged, original):
            if (data := files.read(source)) is None:
                continue
            if source == original:
                folder.disk.move(original, staged)
                data = files.read(staged) or b""
            if _published(desk, kind, data):
                folder.disk.remove(staged)
            else:
                yield staged, Aside(kind, data, "edited while it was archived")
    folder.disk.sync_directory(folder.temp)


def _published(desk: Desk, kind: Kind, data: bytes) -> bool:
    try:
        text = data.decode()
        body, _ = documents.unstamp_status(text) if kind == "task-status" else documents.unstamp(text)
    except ValueError:
        return not data.strip()
    return not body.strip() or desk.journal.published(kind, digest(body))
