"""watch: the tasks there are, what happens to them, and people's edits recorded as they happen."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing, suppress
from math import inf
from typing import TYPE_CHECKING, Any

import click

from orchestrator import overview
from orchestrator.cli import log, outcome, screen, standing
from orchestrator.cli.feed import Line, Page, Stream
from orchestrator.cli.project import Project, TaskId, pass_project
from orchestrator.cli.roster import Roster
from orchestrator.cli.standing import AT_WORK, Standing
from orchestrator.errors import Conflict, Damaged, OrchestratorError, StorageError, UnknownTask

if TYPE_CHECKING:
    from orchestrator.engine import Engine
    from orchestrator.events import Commit
    from orchestrator.lookout import Lookout
    from orchestrator.task import Task

AGAIN = 1.0
"""Seconds until a task is looked at anew that could not be brought up to date, or whose worker may have died."""
WRITING = 0.1
"""The same where somebody was just writing a document."""
_LATELY = 60
"""Commits of a task that is first seen which may have been made since this began."""
_MOST = 100
"""Tasks whose journals are kept open."""


@click.command(epilog="Of stream-json: {type, task, at, …}, see docs/cli.md.")
@click.argument("task_ids", metavar="[ID]...", nargs=-1, type=TaskId())
@click.option("--text", is_flag=True, help="What agents write too: decisions, summaries, reasons.")
@click.option(
    "--output",
    type=click.Choice(["text", "stream-json"]),
    default="text",
    help="Text for people, on a terminal with a tree; or a JSON object a line.",
)
@pass_project
def command(project: Project, task_ids: tuple[str, ...], text: bool, output: str) -> None:
    """Show the tree of tasks live, and record what people edit.

    Of all tasks that are not archived, until Ctrl-C; or of those that are named and all below them, until they are
    archived.
    """
    from orchestrator.lookout import Lookout

    with project.engine() as engine:
        wanted = [project.known(engine, task_id) for task_id in dict.fromkeys(task_ids)]
        roster = Roster(details=True, text=text)
        page = Page(project, roster) if output == "text" else Stream(project, roster)
        with suppress(KeyboardInterrupt), Lookout(project.temp) as lookout, closing(page):
            if lookout.blind:
                screen.complain(f"{lookout.blind}, so nobody tells of edits: looking once a second")
            Watch(project, engine, lookout, roster, page, text=text).run(wanted)


class Watch:
    """Brings each task up to date that somebody touches, and tells what is new."""

    def __init__(
        self, project: Project, engine: Engine, lookout: Lookout, roster: Roster, page: Page | Stream, *, text: bool
    ) -> None:
        self._project = project
        self._engine = engine
        self._lookout = lookout
        self._roster = roster
        self._page = page
        self._text = text
        self._begun = standing.now()
        self._left: set[str] = set()
        self._open: set[str] = set()
        self._busy: set[str] = set()
        self._revisions: dict[str, int] = {}
        self._problems: dict[str, str] = {}
        self._below: set[str] = set()
        self._heard: dict[str, str] = {}
        self._did: dict[str, Standing] = {}

    def run(self, wanted: Sequence[str]) -> None:
        """Until those that are wanted are archived; without an end, for all that are open, when none is."""
        journals = overview.Folder(self._project.temp).journals
        unkept = [] if wanted else [row for row in overview.opened(self._project.temp, {}) if not row.kept]
        ready = list(wanted) or sorted(task_id for task_id, archived in journals.items() if not archived)
        self._left.update(wanted)
        self._page.begins(ready + sorted(row.id for row in unkept))
        for row in unkept:
            self._page.place(standing.unkept(row))
        while True:
            for task_id in ready:
                if not wanted or task_id in self._left or task_id in self._below:
                    self._look(task_id)
            self._page.show()
            if wanted and not self._left:
                return
            ready = self._lookout.wait(AGAIN if self._busy else inf)
            ready += [task_id for task_id in self._busy.difference(ready) if not self._is_at_work(task_id)]

    def _is_at_work(self, task_id: str) -> bool:
        """False also where that cannot be told: a look says why."""
        try:
            return self._engine.at_work(task_id) is not None
        except (OrchestratorError, OSError):
            return False

    def _look(self, task_id: str) -> None:
        self._open.add(task_id)
        if len(self._open) > _MOST:
            self._let_go()
        try:
            refreshed = self._engine.refresh(task_id)
            at_work = self._engine.at_work(task_id) is not None
            commits = self._fresh(refreshed.task)
        except UnknownTask:
            self._gone(task_id)
        except (OrchestratorError, OSError) as error:
            self._fails(task_id, error)
        else:
            task = refreshed.task
            for commit in commits:
                self._tell(task, commit)
            if refreshed.restored:
                names = ", ".join(refreshed.restored)
                self._say("restored", task_id, f"put back: {names}", None, documents=refreshed.restored)
            if refreshed.unsettled:
                self._lookout.touched(task_id, WRITING)
            if refreshed.problem:
                self._fails(task_id, StorageError(refreshed.problem))
            else:
                self._problems.pop(task_id, None)
            self._place(task, at_work)

    def _fresh(self, task: Task) -> Sequence[Commit]:
        """What was committed since the last look; at the first one, since this began. What comes next is told next."""
        from orchestrator.events import TaskRenamed

        known = self._revisions.get(task.id)
        if known is None:
            commits = self._engine.since(task.id, max(0, task.revision - _LATELY))
            events = [event for commit in commits for event in commit.events]
            names = [event.previous for event in events if isinstance(event, TaskRenamed)]
            known = max((self._revisions.get(name, 0) for name in names), default=0)
            known = task.forked.revision if task.forked else known
            commits = tuple(commit for commit in commits if commit.at >= self._begun and commit.revision > known)
        else:
            commits = self._engine.since(task.id, known)
        self._revisions[task.id] = task.revision
        self._heard[task.id] = next(
            (commit.at for commit in reversed(commits) if commit.actor in ("worker", "engine")),
            self._heard.get(task.id, task.updated_at),
        )
        return [commit for commit in commits if commit.revision <= task.revision]

    def _tell(self, task: Task, commit: Commit) -> None:
        items = {item.id: item.text for item in task.items}
        for event in commit.encode()["events"]:
            words = log.words(event, items) if self._text else log.textless(event)
            if words and (commit.actor not in ("worker", "engine") or event["type"] in _TOLD):
                more = {"revision": commit.revision, "actor": commit.actor, "event": event}
                self._page.say(Line("event", task.id, commit.at, commit.actor, words, log.colour(event), more))

    def _say(self, kind: str, task_id: str, words: str, colour: str | None, **more: Any) -> None:
        self._page.say(Line(kind, task_id, standing.now(), "engine", words, colour, more))

    def _place(self, task: Task, at_work: bool) -> None:
        """The task's row, and whether its worker is to be looked after."""
        stands = outcome.status(task, at_work=at_work)
        if task.id in self._busy and stands == "interrupted":
            self._say("interrupted", task.id, "interrupted: its worker is gone", "yellow")
        if at_work:
            self._busy.add(task.id)
        else:
            self._busy.discard(task.id)
        if task.archived:
            self._left.discard(task.id)
        since = self._heard.get(task.id, task.updated_at) if stands == "interrupted" else task.updated_at
        row = standing.of(task, stands, since)
        before = self._did.get(task.id, row)
        if stands == AT_WORK and (before.state, before.doing, before.turns) == (stands, row.doing, row.turns):
            row = row._replace(since=before.since)  # an edit changes the task, not what its worker does
        self._did[task.id] = row
        self._page.place(row)
        self._look_below(row)

    def _look_below(self, row: Standing) -> None:
        """What a task gave away, done or not, is seen beneath it for as long as it is there itself."""
        if row.id not in self._roster:
            return
        for child in row.children:
            self._below.add(child.id)
            if child.id not in self._roster:
                self._look(child.id)

    def _gone(self, task_id: str) -> None:
        """The engine has no such task: renamed, deleted, without its journal, or kept by hand."""
        from orchestrator.history import called

        self._busy.discard(task_id)
        row = overview.find(self._project.temp, task_id)
        if row is not None and not row.kept and not row.archived:
            self._page.place(standing.unkept(row))
        else:
            self._roster.leaves(task_id)
        if task_id in self._left:
            self._left.discard(task_id)
            if name := called(self._project.temp, task_id):
                self._left.add(name)
                self._look(name)

    def _fails(self, task_id: str, error: OrchestratorError | OSError) -> None:
        """It is tried again, with nothing remembered; a damaged journal once, and when somebody has touched it."""
        said = str(error)
        new = self._problems.get(task_id) != said
        self._problems[task_id] = said
        self._busy.discard(task_id)
        if new and not isinstance(error, Conflict):  # which is over in a moment
            words = said.replace(f"{self._project.workspace}/", "")
            self._say("problem", task_id, words, "red", text=said)
        self._roster.fails(task_id)
        if new or not isinstance(error, Damaged):
            self._lookout.touched(task_id, AGAIN)
        self._let_go()

    def _let_go(self) -> None:
        self._engine.close()
        self._open.clear()


_TOLD = {
    *(
        "TaskCreated",
        "TaskAdopted",
        "WorkerStarted",
        "PhaseChanged",
        "ContextRenewed",
        "FinishRefused",
        "SilenceNoticed",
        "StuckNoticed",
        "EditSetAside",
    ),
    *("ModelReplied", "TaskPaused", "TaskContinued", "WorkLanded", "MergeRefused"),
    *("BlockerRaised", "TaskBlocked", "TaskStopped", "TaskCompleted", "TaskCancelled", "ArchiveDone"),
    *("TaskReopened", "TaskRenamed", "InstructionGiven", "ModeChanged", "LimitsChanged"),
}
"""What is told of workers and the engine; of everybody else everything is."""
