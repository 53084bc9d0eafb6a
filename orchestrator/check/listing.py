"""The names in a folder of tasks, and which documents there are of which task."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from orchestrator import documents, files, overview
from orchestrator.check.text import Text
from orchestrator.events import Kind


class Listing:
    """A folder as it was listed once; `shown`: how its path is to be written. Raises StorageError."""

    def __init__(self, temp: Path, shown: str) -> None:
        self.temp = temp
        self.shown = shown
        self.workspace = temp.absolute().parent

    @cached_property
    def folder(self) -> overview.Folder:
        return overview.Folder(self.temp)

    @cached_property
    def open(self) -> frozenset[str]:
        return frozenset(self.folder.open)

    @cached_property
    def completed(self) -> frozenset[str]:
        return frozenset(self.folder.completed)

    @cached_property
    def journals(self) -> dict[str, list[str]]:
        """The journals of each task, as their paths are shown: one, unless two tasks took the same id."""
        found: dict[str, list[str]] = {}
        for place in ("", "completed/"):
            for name in sorted(overview.names(self.temp / ".orchestrator" / "journal" / place)):
                if name.endswith(".jsonl") and name[0] != ".":
                    found.setdefault(name.removesuffix(".jsonl"), []).append(self.journal(place + name))
        return found

    @cached_property
    def documents(self) -> dict[str, dict[bool, list[Kind]]]:
        """By task and place, archived or not, what documents there are; tasks in the order of their ids."""
        found: dict[str, dict[bool, list[Kind]]] = {}
        for names, archived in ((self.open, False), (self.completed, True)):
            for name in names:
                if document := documents.identify(name):
                    kind, task_id = document
                    found.setdefault(task_id, {}).setdefault(archived, []).append(kind)
        return dict(sorted(found.items()))

    def journal(self, name: str) -> str:
        """How the path of a journal is shown."""
        return f"{self.shown}/.orchestrator/journal/{name}"

    def path(self, name: str, archived: bool) -> str:
        """How the path of a file is shown."""
        return f"{self.shown}/{'completed/' if archived else ''}{name}"

    def first_of(self, task_id: str) -> str | None:
        """How the path of a task's status document, or of another one of its, is shown; None where it has none."""
        for archived, kinds in self.documents.get(task_id, {}).items():
            return self.path(documents.file_name(max(kinds), task_id), archived)
        return None

    def lacks(self, task_id: str, kind: Kind) -> bool:
        """True when a task of the engine's has no such document in either place now: it may have moved meanwhile."""
        name, journals = documents.file_name(kind, task_id), self.temp / ".orchestrator" / "journal"
        if any(files.exists(place / name) for place in (self.temp, self.temp / "completed", self.temp)):
            return False
        return any(files.exists(place / f"{task_id}.jsonl") for place in (journals, journals / "completed", journals))

    def texts(self, task_id: str, archived: bool, kinds: list[Kind]) -> Iterator[tuple[Kind, Text]]:
        """Those documents, read now."""
        place = f"{self.temp}/completed/" if archived else f"{self.temp}/"
        for kind in sorted(kinds):
            name = documents.file_name(kind, task_id)
            if text := Text.read(f"{place}{name}", self.path(name, archived)):
                yield kind, text
