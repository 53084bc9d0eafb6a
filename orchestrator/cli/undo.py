"""undo: take back what a task did to files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from orchestrator.cli import screen
from orchestrator.cli.project import Project, TaskId, pass_project
from orchestrator.cli.selection import place, select, unrecorded
from orchestrator.errors import ORPHAN, Busy, UsageError

if TYPE_CHECKING:
    from orchestrator.engine import Engine
    from orchestrator.events import Event, FileChange
    from orchestrator.task import Task
    from orchestrator.undo import Step, Undo

_WORDS = {
    "created": ("-", "red", "is removed"),
    "modified": ("~", "yellow", "gets back what it held before"),
    "deleted": ("+", "green", "comes back"),
}


@click.command(epilog="JSON, never asks: {task, undone, left: [{path, reason}], unticked}.")
@click.argument("task_id", metavar="ID", type=TaskId())
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_project
def command(project: Project, task_id: str, paths: tuple[str, ...], yes: bool, as_json: bool) -> int:
    """Take back what a task did to files.

    To those at PATH, or to all. A file that anybody else changed is left as it is, with the reason, and makes the exit
    code 1. Items that what is taken back was evidence of are open again.
    """
    with project.engine() as engine:
        from orchestrator.undo import Undo

        task = engine.refresh(project.known(engine, task_id)).task
        root, owner = place(project, engine, task)
        for one in dict.fromkeys((task_id, owner.id if owner else task_id)):
            if holder := engine.at_work(one) or (ORPHAN if engine.folder.running(one) else None):
                raise Busy(one, holder)
        undo = Undo(root, project.temp, engine.folder.contents)
        more = unrecorded(project, engine, task)
        planned = undo.plan(select(project, task, (*task.changes, *more), paths))
        left = [step for step in planned if step.reason]
        if not as_json:
            _show(task_id, planned)
        steps: list[Step] = []
        unticked: list[str] = []
        if len(left) < len(planned):
            if not yes and not _agreed(as_json):
                return 1
            steps, unticked = _take_back(engine, undo, task, more, planned)
    failed = [step for step in steps if step.reason]
    already = {step.change.path for step in planned if step.back}
    undone = [step.change.path for step in steps if step.back and step.change.path not in already]
    for step in failed:
        screen.complain(f"{step.change.path} stays as it is after all: {step.reason}")
    if as_json:
        reasons = [{"path": step.change.path, "reason": step.reason} for step in (*left, *failed)]
        screen.print_json({"task": task_id, "undone": undone, "left": reasons, "unticked": unticked})
    elif planned:
        _tell(len(undone), len(left) + len(failed), unticked)
    return 1 if left or failed else 0


def _show(task_id: str, steps: Sequence[Step]) -> None:
    """What is to become of each file."""
    if not steps:
        click.echo(f"nothing to undo: {task_id} changed no file, all in all")
    for step in steps:
        sign, colour, words = _WORDS[step.change.kind]
        words = f"stays as it is: {step.reason}" if step.reason else "is back already" if step.back else words
        mark = "·" if step.reason or step.back else click.style(sign, fg=colour)
        path = screen.line(step.change.path)
        first, *more = screen.wrap(f"{path} {words}", screen.columns() - 4)
        click.echo(f"  {mark} {first[: len(path)]}{screen.dim(first[len(path) :])}")
        for row in more:
            click.echo(f"    {screen.dim(row)}")


def _agreed(as_json: bool) -> bool:
    if as_json or not screen.interactive():
        raise UsageError("nobody is asked here: say --yes to take these files back")
    return click.confirm("Take back?", err=True)


def _take_back(
    engine: Engine, undo: Undo, seen: Task, more: Sequence[FileChange], planned: Sequence[Step]
) -> tuple[list[Step], list[str]]:
    """What became of each file that was not to be left, and the items that are open again."""
    from orchestrator import evidence
    from orchestrator.events import ItemUnchecked
    from orchestrator.undo import events

    paths = {step.change.path for step in planned if step.reason is None}
    steps: list[Step] = []
    recorded: list[Event] = []

    def act(task: Task) -> Sequence[Event]:
        found = evidence.net((*task.changes, *(more if task.pending == seen.pending else ())))  # else it is recorded
        steps.extend(undo.take_back(row for path, row in found.items() if path in paths))
        recorded.extend(events(task, [step.change for step in steps if step.back]))
        return recorded

    engine.undisturbed(seen.id, act)
    return steps, [event.id for event in recorded if isinstance(event, ItemUnchecked)]


def _tell(undone: int, left: int, unticked: Sequence[str]) -> None:
    files = f"{undone} file{'' if undone == 1 else 's'} taken back"
    click.echo(f"{files}, {left} left" if left else files)
    if unticked:
        click.echo(f"open again, what proved them is gone: {', '.join(unticked)}")
