"""What an archive does beside publishing to `completed/`: may be repeated, so a crash anywhere rolls forward."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from orchestrator import documents
from orchestrator.engine.absorption import Aside, look_at_last
from orchestrator.engine.desk import Desk
from orchestrator.engine.folder import Folder
from orchestrator.events import Kind
from orchestrator.task import digest


def carry(desk: Desk, folder: Folder) -> None:
    """Take the files that lie beside the documents along; one whose name is taken in `completed/` stays."""
    for name in desk.task.companions:
        source, target = folder.temp / name, folder.completed / name
        if os.path.lexists(source) and not os.path.lexists(target):
            folder.disk.move_new(source, target)
    folder.disk.sync_directory(folder.completed)


def clear(desk: Desk, folder: Folder) -> Iterator[tuple[Path, Aside]]:
    """Take the originals away; yields those that somebody edited in the last instant and where they are now.

    They were moved out of reach before they were looked at; the caller keeps the text, then removes the file.
    """
    for kind in documents.KINDS:
        original, staged = folder.temp / documents.file_name(kind, desk.task.id), folder.staged(desk.task, kind)
        for source in (staged, original):
            if not os.path.lexists(source):
                continue
            if source == original:
                folder.disk.move(original, staged)
            data = look_at_last(staged)
            if isinstance(data, bytes) and _published(desk, kind, data):
                folder.disk.remove(staged)
            else:
                text = data if isinstance(data, bytes) else None
                yield staged, Aside(kind, text, "changed while it was archived")
    folder.disk.sync_directory(folder.temp)


def _published(desk: Desk, kind: Kind, data: bytes) -> bool:
    try:
        text = data.decode()
        body, _ = documents.unstamp(kind, text)
    except ValueError:
        return not data.strip()
    return not body.strip() or desk.journal.published(kind, digest(body))
