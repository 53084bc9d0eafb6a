"""Where a command works: the workspace and its `.temp`."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from orchestrator.cli import screen
from orchestrator.errors import OrchestratorError, StorageError, UnknownTask, UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from orchestrator import overview
    from orchestrator.definitions import Library
    from orchestrator.engine import Engine
    from orchestrator.revisions import Revisions
    from orchestrator.settings import Settings


class Project(NamedTuple):
    workspace: Path
    given: Path | None = None
    """What --project said."""
    folder: Path | None = None
    """Where its documents are, when not in `.temp`."""

    @staticmethod
    def find(given: Path | None) -> Project:
        """The given directory; else the nearest upwards that has a `.temp`, else the current one.

        Raises UsageError where that was deleted.
        """
        if given is not None:
            return Project(given.resolve(), given)
        try:
            here = Path.cwd()
        except FileNotFoundError:
            raise UsageError("this directory was deleted: go to another one, or name a --project") from None
        return Project(next((path for path in (here, *here.parents) if (path / ".temp").is_dir()), here))

    @property
    def temp(self) -> Path:
        return self.folder or self.workspace / ".temp"

    @contextmanager
    def engine(self, *, create: bool = False) -> Iterator[Engine]:
        """The engine of this project's `.temp`, closed afterwards. `create`: make the folder when there is none."""
        from orchestrator.engine import Engine

        if not create:
            self.expect()
        engine = Engine(self.temp, mask=screen.mask())
        try:
            yield engine
        finally:
            engine.close()

    def expect(self) -> None:
        """Raises UsageError where there is no `.temp`, StorageError where something else has its name."""
        from orchestrator import files

        if there := files.obstacle(self.temp):
            raise StorageError(f"{there}: {os.strerror(errno.ENOTDIR)}: take it away, or name another project")
        if not self.temp.is_dir():
            nothing = f"there is no .temp in {self.workspace} or above it: no tasks yet"
            raise UsageError(f"{nothing}, `orchestrator run` begins one")

    def library(self) -> Library:
        """The agents this project can use."""
        from orchestrator import shipped
        from orchestrator.definitions import Library

        return Library(self.workspace, Path.home(), shipped.folder("agents"))

    def settings(self) -> Settings:
        """What is set for runs in this project; raises BadSettings."""
        from orchestrator import settings

        return settings.read(self.workspace, os.environ)

    def known(self, engine: Engine, task_id: str) -> str:
        """The id, when the engine keeps that task; raises UnknownTask, or as `with_journal`.

        UsageError also when it is given away, and not begun.
        """
        from orchestrator import overview

        if task_id in engine.ids():
            return task_id
        self.with_journal(task_id)
        if given := overview.giver(self.temp, task_id):
            raise UsageError(f"task {task_id} is not begun: {self.typed('why', given.id)} says what comes first")
        raise UnknownTask(task_id, str(self.temp))

    def revisions(self, task_id: str) -> Revisions:
        """What a task went through; raises as `Revisions` and `with_journal`."""
        from orchestrator.revisions import Revisions

        return Revisions(self.temp, self.with_journal(task_id))

    def with_journal(self, task_id: str) -> str:
        """The id, unless a task of that id has documents and no journal.

        Raises StorageError when its journal is gone, UsageError when that never was here or it is kept by hand, or as
        `expect`.
        """
        from orchestrator import overview

        self.expect()
        row = overview.find(self.temp, task_id)
        if row and row.absent:
            raise StorageError(row.absent) if row.keeping == "gone" else UsageError(row.absent)
        if path := self._by_hand(row, task_id):
            raise UsageError(
                f"task {task_id} is kept by hand in {self.relative(path)}: `orchestrator adopt` takes it over"
            )
        return task_id

    def _by_hand(self, row: overview.Row | None, task_id: str) -> Path | None:
        """A document of a task that the engine does not keep; None where it does, or there is none."""
        from orchestrator import overview

        if row:
            return None if row.kept else row.path
        if task_id in overview.Folder(self.temp).journals:
            return None
        from orchestrator.documents import KINDS, file_name

        places = (self.temp / folder / file_name(kind, task_id) for folder in ("", "completed") for kind in KINDS)
        return next((path for path in places if os.path.lexists(path)), None)

    def resume(self, *words: str) -> str:
        """The command line that goes on with tasks of this project."""
        return self.typed("resume", *words)

    def typed(self, *words: str) -> str:
        """A command line for this project."""
        where = () if self.given is None else ("--project", str(self.given))
        return " ".join(map(screen.quoted, ("orchestrator", *where, *words)))

    def relative(self, path: Path) -> str:
        """A path as a person in the workspace would type it."""
        return str(path.relative_to(self.workspace)) if path.is_relative_to(self.workspace) else str(path)


@contextmanager
def others_go_on(unread: list[OrchestratorError]) -> Iterator[None]:
    """Of several tasks: what is wrong with one of them is told and kept in `unread`, and is not raised."""
    try:
        yield
    except OrchestratorError as error:
        screen.complain(str(error))
        unread.append(error)


class TaskId(click.ParamType[str]):
    """Six of A–Z and 0–9, in either case. `archived`: whether archived tasks are proposed too."""

    name = "ID"

    def __init__(self, *, archived: bool = True) -> None:
        self._folders = (".", "completed") if archived else (".",)

    def shell_complete(self, context: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        temp = _project(context).temp
        found = (path for folder in self._folders for path in (temp / folder).glob("task-status-??????.json"))
        ids = sorted(path.stem[-6:] for path in found)
        return [CompletionItem(task_id) for task_id in ids if task_id.startswith(incomplete.upper())]

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> str:
        name = str(value).upper()
        if not re.fullmatch(r"[A-Z0-9]{6}", name, re.ASCII):
            self.fail(f"{value!r} is no task id: six of A-Z and 0-9, as `orchestrator status` shows them")
        return name


def agent_names(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """The agents whose names begin so, for a shell to complete."""
    return [agent.name for agent in _project(context).library().all() if agent.name.startswith(begun)]


def _project(context: click.Context) -> Project:
    """The project of a command line that is being completed: nothing is run, so nothing has found it yet."""
    return Project.find(context.find_root().params.get("project"))


pass_project = click.make_pass_decorator(Project)
