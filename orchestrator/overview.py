"""What a `.temp` folder holds, read from the documents alone: no lock, no write, no engine. Fast to import."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator import files

_STATUS = re.compile(r"task-status-([A-Z0-9]{6})\.json\Z", re.ASCII)
LOST = "its status document is missing; `orchestrator show` with its id brings it back"
_BOX = re.compile(r"^[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+\[(.)\ufe0f?\][ \t]+\S", re.MULTILINE)


@dataclass(frozen=True)
class Row:
    """One task as its status document tells it. `problem`: why that document cannot be read."""

    id: str
    path: Path
    archived: bool
    data: dict[str, Any]
    problem: str | None = None

    def text(self, key: str) -> str:
        """A top-level value as text, empty when absent."""
        value = self.data.get(key)
        return value if isinstance(value, str) else "" if value is None else str(value)

    def rows(self, key: str) -> list[dict[str, Any]]:
        """A top-level list of objects, empty when it is something else."""
        value = self.data.get(key)
        return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []

    @property
    def open(self) -> bool:
        return not self.archived and self.text("status") != "completed"

    @property
    def signature(self) -> str:
        """What another task that depends on this one wants to hear about when it changes."""
        return json.dumps([self.archived, self.text("status"), self.text("phase"), self.rows("decisions")])

    @property
    def documents(self) -> tuple[str, ...]:
        """The names of the task's files, beside its status document."""
        names = (path.name for path in self.path.parent.glob(f"*[-_]{self.id}.*"))
        return tuple(sorted(names))

    @property
    def items(self) -> tuple[int, int] | None:
        """How many boxes of its checklist are ticked, and how many there are; None without a readable checklist."""
        path = self.path.with_name(f"checklist-{self.id}.md")
        try:
            text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None
        except OSError:
            text = None
        if text is None:
            return None
        boxes = _BOX.findall(text)
        return sum(box != " " for box in boxes), len(boxes)

    @property
    def kept(self) -> bool:
        """True when the engine keeps the task; False for one that somebody keeps by hand."""
        return any(path.exists() for path in (self._journal(), self._journal("completed")))

    @property
    def interrupted(self) -> bool:
        """True when the task is said to be in progress, and the worker that was at it is gone."""
        if self.archived or self.text("status") != "in-progress" or not self.kept:
            return False
        leases = (self._internal / "locks").glob(f"{self.id}.lease-*[0-9]")
        newest = max(leases, key=lambda path: int(path.name.rpartition("-")[2]), default=None)
        return newest is None or not files.is_locked(newest)

    @property
    def _internal(self) -> Path:
        return (self.path.parent.parent if self.archived else self.path.parent) / ".orchestrator"

    def _journal(self, *folder: str) -> Path:
        return self._internal.joinpath("journal", *folder, f"{self.id}.jsonl")


def read(temp: Path) -> tuple[Row, ...]:
    """Every task of the folder, open ones first, then by start; hand-made ones and those without documents too."""
    found = [
        _row(named[1], path, archived)
        for folder, archived in ((temp, False), (temp / "completed", True))
        for path in _names(folder)
        if (named := _STATUS.fullmatch(path.name))
    ]
    known = {row.id for row in found}
    journals = temp / ".orchestrator" / "journal"
    found += [
        Row(path.stem, home / f"task-status-{path.stem}.json", archived, {}, LOST)
        for folder, home, archived in ((journals, temp, False), (journals / "completed", temp / "completed", True))
        for path in _names(folder)
        if path.suffix == ".jsonl" and path.name[0] != "." and path.stem not in known
    ]
    return tuple(sorted(found, key=lambda row: (row.archived, row.text("startedAt"), row.id)))


def _names(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def find(temp: Path, task_id: str) -> Row | None:
    """One task, None when the folder has no status document of it."""
    for folder, archived in ((temp, False), (temp / "completed", True)):
        path = folder / f"task-status-{task_id}.json"
        if path.exists():
            return _row(task_id, path, archived)
    return None


def _row(task_id: str, path: Path, archived: bool) -> Row:
    if not path.is_file():  # a FIFO would be waited for
        return Row(task_id, path, archived, {}, "it is not a regular file")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        return Row(task_id, path, archived, {}, str(error).splitlines()[0])
    if not isinstance(data, dict):
        return Row(task_id, path, archived, {}, "it is not a JSON object")
    return Row(task_id, path, archived, data)
