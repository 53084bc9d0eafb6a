"""Taking back what a task did to files, where nobody else touched them since."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from orchestrator import evidence, names, workspace
from orchestrator.contents import Contents
from orchestrator.errors import ToolError
from orchestrator.events import ChangesUndone, Event, FileChange, ItemUnchecked
from orchestrator.evidence import NetChange
from orchestrator.task import Task
from orchestrator.workspace import File, digest


@dataclass(frozen=True)
class Step:
    """What becomes of one file. `reason`: why it is left as it is; `back`: it is as it was before the task."""

    change: NetChange
    reason: str | None = None
    back: bool = False


class Undo:
    """Looks at the files of a workspace as they are now, and puts them back."""

    def __init__(self, root: Path, temp: Path, contents: Contents) -> None:
        self._root = root
        self._temp = temp
        self._contents = contents

    def plan(self, changes: Iterable[NetChange]) -> tuple[Step, ...]:
        """What `take_back` would do; changes nothing."""
        return self._steps(changes, act=False)

    def take_back(self, changes: Iterable[NetChange]) -> tuple[Step, ...]:
        """Put back, durably, what can be; each file is whole, before or after. Nobody's Write comes in between."""
        with workspace.changing(self._temp):
            return self._steps(changes, act=True)

    def _steps(self, changes: Iterable[NetChange], *, act: bool) -> tuple[Step, ...]:
        """Files go before others come back: there may be a directory of theirs in the place of one, or the reverse."""
        steps: list[Step] = []
        gone: set[str] = set()
        for change in sorted(changes, key=lambda change: change.before is not None):
            steps.append(step := self._step(change, gone, act=act))
            if change.before is None and step.reason is None:
                gone.add(change.path)
        return tuple(sorted(steps, key=lambda step: step.change.path))

    def _step(self, change: NetChange, gone: Collection[str], *, act: bool) -> Step:
        if reason := self._obstacle(change, gone):
            return Step(change, reason)
        directory = os.path.isdir(self._place(change.path))  # Path.is_dir raises where one may not look
        try:
            file = self._file(change.path)
            now = None if directory else digest(file.read())
        except ToolError as error:
            return Step(change, _words("read", error))
        if now == change.before:
            return Step(change, back=True)
        if change.shared:
            return Step(change, "it may be somebody else's doing, while a command ran or after it")
        if now != change.after:
            how = "removed" if now is None else "made again" if change.after is None else "changed"
            return Step(change, f"it was {how} since")
        if not change.alone:
            return Step(change, "somebody else changed it between two changes of this task")
        data = None if change.before is None else self._contents.read(change.before)
        if data is None and change.before is not None:
            return Step(change, "what it held before was not kept")
        if not act:
            return Step(change)
        try:
            if directory:
                file.clear()
            file.remove() if data is None else file.write(data)
        except ToolError as error:
            return Step(change, _words("removed" if data is None else "written", error))
        return Step(change, back=True)

    def _obstacle(self, change: NetChange, gone: Collection[str]) -> str | None:
        """What is in the way of the file, in words; `gone`: files that are not, or will not be when it is put back."""
        parts = change.path.split("/")
        for end in range(1, len(parts)):
            above = "/".join(parts[:end])
            found = _found(self._place(above))
            if found is None:
                return None
            if stat.S_ISLNK(found.st_mode):
                return f"there is a link on the way to it, {above}"
            if not stat.S_ISDIR(found.st_mode):
                return None if change.before is None or above in gone else f"{above} is no directory now"
        found = _found(self._place(change.path))
        if found is None:
            return None
        if stat.S_ISDIR(found.st_mode):
            empty = change.before is None or self._emptied(change.path, gone)
            return None if empty else "a directory with other files is in its place"
        if stat.S_ISLNK(found.st_mode):
            return "a link is in its place"
        if not stat.S_ISREG(found.st_mode):
            return "something that is no file is in its place"
        return "it is larger than 10 MiB" if found.st_size > workspace.LARGEST else None

    def _emptied(self, path: str, gone: Collection[str]) -> bool:
        """True when a directory holds only directories, and files that are `gone`."""
        for folder, directories, held in os.walk(self._place(path)):
            links = (name for name in directories if os.path.islink(os.path.join(folder, name)))
            local = (os.path.relpath(os.path.join(folder, name), self._root) for name in (*held, *links))
            if not all(names.written(os.fsencode(each)) in gone for each in local):
                return False
        return True

    def _file(self, path: str) -> File:
        """The very file that a receipt names: no link on the way to it is followed."""
        file = workspace.locate(self._root, self._temp, os.fsdecode(names.meant(path)))
        if os.fsencode(file.path) != names.meant(path):
            raise ToolError(path)
        return file

    def _place(self, path: str) -> Path:
        return self._root / os.fsdecode(names.meant(path))


def _found(path: Path) -> os.stat_result | None:
    """What is there, be it a link; None for nothing, and for what to read the file tells better."""
    try:
        return path.lstat()
    except OSError:
        return None


def _words(done: str, error: ToolError) -> str:
    """Why a file could not be read or put back, for a person; a ToolError's own words are for agents."""
    cause = error.__cause__
    return f"it could not be {done}" + (f": {cause.strerror}" if isinstance(cause, OSError) else "")


def events(task: Task, back: Collection[NetChange]) -> tuple[Event, ...]:
    """What is recorded once these are taken back: while the task is open, what they were evidence of is unticked.

    Of a change that is not recorded itself nothing is left to record but that.
    """
    if not back:
        return ()
    found = evidence.net(task.changes)
    files = ((change, found[change.path].after if change.path in found else change.before) for change in back)
    undone = ChangesUndone(
        files=tuple(FileChange(path=change.path, before=known, after=change.before) for change, known in files)
    )
    taken = set(evidence.changed(task.receipts, {change.path for change in back}))
    ticked = [item.id for item in task.live_items if item.checked and taken.intersection(item.evidence)]
    return (undone, *(ItemUnchecked(id=name) for name in ticked if task.open))
