"""Taking back what a task did to files, where nobody else touched them since."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from orchestrator import evidence, workspace
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
        return tuple(self._step(change, act=False) for change in changes)

    def take_back(self, changes: Iterable[NetChange]) -> tuple[Step, ...]:
        """Put back, durably, what can be; each file is whole, before or after. Nobody's Write comes in between."""
        with workspace.changing(self._temp):
            return tuple(self._step(change, act=True) for change in changes)

    def _step(self, change: NetChange, *, act: bool) -> Step:
        try:
            file = self._file(change.path)
            now = digest(file.read())
        except ToolError:
            return Step(change, "it is no regular file of at most 10 MiB, or there is a link on the way to it")
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
            file.remove() if data is None else file.write(data)
        except ToolError as error:
            return Step(change, str(error))
        return Step(change, back=True)

    def _file(self, path: str) -> File:
        """The very file that a receipt names: no link on the way to it is followed."""
        file = workspace.locate(self._root, self._temp, path)
        if file.path != path:
            raise ToolError(path)
        return file


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
