"""How a run ended: for people, and as JSON."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from orchestrator.cli import screen
from orchestrator.cli.project import Project
from orchestrator.errors import Conflict, ModelError, OrchestratorError, Stopped

if TYPE_CHECKING:
    from orchestrator.budget import Amount
    from orchestrator.engine import Engine
    from orchestrator.events import FileChange, Json
    from orchestrator.task import Task
    from orchestrator.usage import Limits

_MARKS = {
    "created": ("+", "green"),
    "modified": ("~", "yellow"),
    "deleted": ("-", "red"),
    "shared": ("?", "yellow"),
    "read": ("·", None),
}
PERHAPS = ", perhaps by somebody else"


class Outcome(NamedTuple):
    """The end of one task's run. `error`: why the task is not archived; `task` None: it cannot be read at all.

    `resume`: the command line that goes on with it.
    """

    task_id: str
    task: Task | None
    error: OrchestratorError | None
    seconds: float
    resume: str = ""

    @property
    def reason(self) -> str | None:
        """Why it is not archived, and how to go on."""
        if self.error is None:
            return None
        resumable = isinstance(self.error, Stopped | ModelError) and self.task is not None
        return screen.mask()(f"{self.error}; go on with: {self.resume}" if resumable else str(self.error))

    @property
    def at_work(self) -> bool:
        """True when somebody else works on the task."""
        return isinstance(self.error, Conflict)


def status(task: Task, *, at_work: bool) -> str:
    """The word for where a task stands: interrupted, when it is in progress and nobody works on it.

    A task that was cancelled is so for good, archived or not.
    """
    if task.ended == "cancelled":
        return task.ended
    if task.open and task.paused:
        return "paused"
    return "interrupted" if task.status == "in-progress" and not at_work else task.status


def closed(task: Task, then: str) -> str:
    """Why a command does nothing to a closed task."""
    return f"task {task.id} is {status(task, at_work=False)}: {then}"


def ends(task: Task) -> bool:
    """True when whoever is still at work on the open task does not go on: it was stopped, or closed meanwhile."""
    return task.status == "stopped"


def ending(project: Project, task: Task, holder: str) -> str:
    """What to say of such a worker."""
    return f"{screen.who(holder)} ends after its current call: {project.typed('wait', task.id)}"


def because(status: str, reason: str) -> str:
    """`stopped: limit: 1 of 1 turns used`; of a reason that begins with that word, the reason alone."""
    return reason if reason.startswith(f"{status} ") else f"{status}: {reason}"


def limits(given: Mapping[str, float | None]) -> str:
    """`turns 40, tokens 5,000,000, cost $2.50`: none is rounded."""
    return ", ".join(f"{name} {_exact(value, money=name == 'cost')}" for name, value in given.items() if value)


def _exact(value: float, *, money: bool) -> str:
    text = f"{value:,.2f}" if money and value == round(value, 2) else f"{value:,.15g}"
    return f"${text}" if money else text


def leading(engine: Engine, task: Task) -> Task:
    """The one that a task goes on with: the topmost of those above it, as far as they are open; else itself."""
    while task.parent is not None:
        try:
            above = engine.refresh(task.parent).task
        except OrchestratorError:  # it is gone, or cannot be read
            break
        if not above.open:
            break
        task = above
    return task


def ways_on(project: Project, engine: Engine, task: Task) -> list[str]:
    """What gets an open task further on which nobody works: the answers that it waits for, else `way_on`."""
    from orchestrator.questions import unanswered

    return answers(project, task, [row.id for row in unanswered(task)]) or [way_on(project, engine, task)]


def answers(project: Project, task: Task, asked: Sequence[str]) -> list[str]:
    """What answers these questions of the task."""
    return [project.typed("answer", task.id, *(("--question", name) if asked[1:] else ()), "…") for name in asked]


def way_on(project: Project, engine: Engine, task: Task, *options: str) -> str:
    """The command that goes on with a task, and lifts the limit that stopped it, of its own or of one above it."""
    from orchestrator.worker.pulse import pauses

    limited = task if task.limited_by is None else engine.refresh(task.limited_by).task
    if limited.open and (higher := higher_limits(limited, task.needed)):
        return project.resume(limited.id, *higher, *options)
    if paused := pauses(engine, task):
        return project.typed("continue", paused, *options)
    first = leading(engine, task)
    return project.resume(first.id, *higher_limits(first, first.needed), *options)


def higher_limits(task: Task, needed: Limits | None) -> list[str]:
    """The options without which a task would stop again at once, as it did, or one below it, for what was `needed`.

    Twice what is used, and what a turn may take.
    """
    from orchestrator import budget
    from orchestrator.usage import TURNS, Limits

    limits, spent, needed = task.limits, budget.spent(task), needed or Limits()
    turns = budget.own(task).turns >= TURNS if limits.turns is None else spent.turns >= limits.turns
    options = []
    if turns or needed.turns:
        options += ["--max-turns", f"{spent.turns + max(spent.turns, 20):.0f}"]
    if limits.tokens is not None and (spent.tokens >= limits.tokens or needed.tokens):
        options += ["--max-tokens", f"{2 * (max(limits.tokens, spent.tokens) + (needed.tokens or 0)):.0f}"]
    if limits.seconds is not None and (spent.seconds >= limits.seconds or needed.seconds):
        options += ["--max-seconds", f"{math.ceil(2 * max(limits.seconds, spent.seconds))}"]
    if limits.cost is not None and (spent.cost >= limits.cost or needed.cost):
        options += ["--max-cost", f"{2 * (max(limits.cost, spent.cost) + (needed.cost or 0)):.2g}"]
    return options


def exit_code(outcomes: Iterable[Outcome]) -> int:
    """The highest of their exit codes."""
    return max((outcome.error.exit_code for outcome in outcomes if outcome.error), default=0)


def changes(tasks: Iterable[Task]) -> dict[str, str]:
    """The files that the calls of the tasks changed, by path: created, modified or deleted."""
    from orchestrator import evidence

    found = evidence.net(evidence.in_turn(change for task in tasks for change in task.changes))
    return {path: change.kind for path, change in found.items()}


def _own(task: Task) -> dict[str, str]:
    """The same of one task; `shared` where a command of another one may have done it."""
    from orchestrator import evidence

    return {path: "shared" if row.shared else row.kind for path, row in evidence.net(task.changes).items()}


def mark(file: FileChange) -> tuple[str, str]:
    """What a call did to a file: as one sign, and its path."""
    from orchestrator import evidence

    change = evidence.net([file]).get(file.path)
    sign, colour = _MARKS["read" if change is None else "shared" if change.shared else change.kind]
    return click.style(sign, fg=colour), file.path + (PERHAPS if file.shared else "")


def documents(project: Project, task: Task) -> list[Path]:
    """The task's documents, where they are now, and what was archived with them."""
    from orchestrator.documents import file_name, kinds

    home = project.temp / "completed" if task.archived else project.temp
    names = [*(file_name(kind, task.id) for kind in kinds(task)), *task.companions]
    return [home / name for name in names]


def as_json(project: Project, outcome: Outcome) -> dict[str, Any]:
    """The shape docs/cli.md describes."""
    task = outcome.task
    row: dict[str, Any] = {
        "task": outcome.task_id,
        "exit_code": exit_code([outcome]),
        "error": outcome.reason,
        "seconds": round(outcome.seconds, 3),
    }
    if task is None:
        return row
    by_change: dict[str, list[str]] = {"created": [], "modified": [], "deleted": [], "shared": []}
    for path, change in _own(task).items():
        by_change[change].append(path)
    return {
        **row,
        "agent": task.agent,
        "status": status(task, at_work=outcome.at_work),
        "documents": [project.relative(path) for path in documents(project, task)],
        "files": by_change,
        "turns": task.turns,
        "usage": usage(task),
        "summary": task.summary,
        "result": task.result,
    }


def usage(task: Task) -> dict[str, Any]:
    """What a task has used. `cost_usd`: of the turns with a known price, null when there is none."""
    cost_usd = None if task.cost is None else round(task.cost, 6)
    return {
        **task.usage.model_dump(),
        "total": task.usage.total,
        "cost_usd": cost_usd,
        "unpriced_turns": task.unpriced,
    }


def amount(used: Amount) -> dict[str, float]:
    """What is used up, or held."""
    return {
        "turns": int(used.turns),
        "tokens": int(used.tokens),
        "seconds": round(used.seconds, 3),
        "cost_usd": round(used.cost, 6),
    }


def tell(project: Project, outcomes: Sequence[Outcome], output: str, document: Json) -> int:
    """The ends of a go: for people, or as the one JSON document; a stream has told each already. Their exit code."""
    if output == "json":
        screen.print_json(document)
    for end in outcomes:
        if output == "text":
            show(project, end)
        elif end.reason:
            screen.complain(end.reason)
    return exit_code(outcomes)


def show(project: Project, outcome: Outcome) -> None:
    """The end of a run on the screen; why it is not done goes to standard error."""
    task = outcome.task
    if task is not None and not outcome.at_work:
        done = outcome.error is None and task.ended == "completed"
        sign = click.style("✓", fg="green") if done else click.style("✗", fg="red")
        stands = click.style(status(task, at_work=False), bold=True)
        click.echo(f"\n{sign} {task.id}  {stands}")
        show_text(f"{cost([task])}, {outcome.seconds:.1f} s", dim=True)
        if task.children:
            show_text(_whole(project, task), dim=True)
        if task.summary:
            show_text(task.summary)
        if changed := _own(task):
            screen.title("Files")
            show_tree(changed)
        if task.archived:
            screen.title("Documents")
            for path in documents(project, task):
                click.echo(f"  {screen.line(project.relative(path))}")
    if outcome.reason:
        screen.complain(outcome.reason)


def _whole(project: Project, task: Task) -> str:
    """What it cost with all below it, and where what those did is told."""
    from orchestrator import budget

    spent = budget.spent(task)
    turns, tokens = screen.count(round(spent.turns), "turn"), screen.count(round(spent.tokens), "token")
    used = f"{turns}, {tokens}, {screen.dollars(spent.cost)}"
    return f"with all that it gave away {used}: {project.typed('show', task.id)}"


def show_text(text: str, indent: int = 2, most: int = 12, *, dim: bool = False) -> None:
    """A text, wrapped; on a terminal not all of it when it is long."""
    room = screen.columns() - indent
    rows = [row for part in text.splitlines() for row in screen.wrap(part, room) or [""]]
    if not sys.stdout.isatty():
        most = len(rows)
    for row in rows[:most] + (["…"] if len(rows) > most else []):
        click.echo((" " * indent + (screen.dim(row) if dim else row)).rstrip())


def show_tree(changed: dict[str, str]) -> None:
    """Files by directory, each with how it changed."""
    shown = ""
    for path, change in sorted(changed.items(), key=lambda row: (os.path.dirname(row[0]), row[0])):
        directory, name = os.path.split(path)
        if directory != shown:
            click.echo(f"  {screen.line(directory)}/")
            shown = directory
        sign, colour = _MARKS[change]
        perhaps = screen.dim(PERHAPS) if change == "shared" else ""
        click.echo(f"{'    ' if directory else '  '}{click.style(sign, fg=colour)} {screen.line(name)}{perhaps}")


def cost(tasks: Iterable[Task]) -> str:
    """Turns, tokens and how many of these were cheap, and dollars as far as they are known."""
    tasks = list(tasks)
    turns = sum(task.turns for task in tasks)
    tokens = sum(task.usage.total for task in tasks)
    cached = sum(task.usage.cache_read_input_tokens for task in tasks)
    share = f" ({cached / tokens:.0%} from the cache)" if cached else ""
    unpriced = sum(task.unpriced for task in tasks)
    known = [task.cost for task in tasks if task.cost is not None]
    price = f", {screen.dollars(sum(known))}" if known else ", price unknown" if unpriced else ""
    part = f" for {turns - unpriced} of them" if known and unpriced else ""
    return f"{screen.count(turns, 'turn')}, {tokens:,} tokens{share}{price}{part}"
