"""What `run` and `resume` share: their options, a team whose progress and questions are on the terminal, its ends."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

import click

from orchestrator.cli import outcome
from orchestrator.cli.outcome import Outcome
from orchestrator.cli.permit import Permit
from orchestrator.cli.progress import Progress
from orchestrator.cli.project import Project
from orchestrator.errors import Interrupted, OrchestratorError

if TYPE_CHECKING:
    from orchestrator.engine import Engine
    from orchestrator.events import Limits
    from orchestrator.models import Model
    from orchestrator.permissions import Permissions
    from orchestrator.task import Task
    from orchestrator.team import Team

Function = TypeVar("Function", bound=Callable[..., Any])


class Orders(TypedDict):
    """What a person says about a run, beside what is to be done."""

    max_turns: int | None
    max_tokens: int | None
    max_seconds: float | None
    allow: tuple[str, ...]
    yes: bool
    as_json: bool


def orders(command: Function) -> Function:
    """The options of `Orders`."""
    for option in reversed(
        (
            click.option("--max-turns", type=click.IntRange(1), metavar="N", help="Stop after N replies of the model."),
            click.option("--max-tokens", type=click.IntRange(1), metavar="N", help="Stop after N tokens, all told."),
            click.option("--max-seconds", type=click.FloatRange(0, min_open=True), metavar="S", help="Stop after S s."),
            click.option(
                "--allow",
                metavar="RULE",
                multiple=True,
                help="Run these commands unasked: 'Bash(npm test)'"
                " that one, 'Bash(npm test:*)' what begins so. Repeatable.",
            ),
            click.option("--yes", is_flag=True, help="Run every command unasked."),
            click.option("--json", "as_json", is_flag=True, help="One JSON document at the end; progress on stderr."),
        )
    ):
        command = option(command)
    return command


def limits(given: Orders, before: Limits) -> Limits:
    """The limits as they were, but for those that are given now."""
    now = {name: given[f"max_{name}"] for name in ("turns", "tokens", "seconds")}  # type: ignore[literal-required]
    return before.model_copy(update={name: value for name, value in now.items() if value is not None})


def permissions(given: Orders) -> Permissions:
    """The commands that run unasked; raises UsageError for a rule that cannot be read."""
    from orchestrator.permissions import Permissions

    return Permissions(given["allow"], everything=given["yes"])


def allowed(given: Orders) -> list[str]:
    """The options that say which commands run unasked, for those who go on."""
    rules = [word for rule in given["allow"] for word in ("--allow", rule)]
    return [*rules, "--yes"] if given["yes"] else rules


def lift(given: Orders) -> bool:
    """True when any limit is given."""
    return any(given[name] is not None for name in ("max_turns", "max_tokens", "max_seconds"))


class Shift:
    """One go of work."""

    def __init__(self, project: Project, engine: Engine, model: Model, given: Orders) -> None:
        from orchestrator.team import Team
        from orchestrator.worker import Setting

        self._progress = progress = Progress(project.workspace, err=given["as_json"])
        self._permit = Permit(permissions(given), progress)
        self._project = project
        self._engine = engine
        self._allowed = allowed(given)
        self.team: Team = Team(
            engine,
            project.library(),
            lambda: model,
            Setting(workspace=project.workspace, environment=os.environ, permit=self._permit, report=progress),
        )

    def work(self, task_ids: Sequence[str]) -> list[Outcome]:
        """Run the tasks to their ends; raises Interrupted on Ctrl-C."""
        import asyncio

        begun = time.monotonic()
        try:
            ends = asyncio.run(self.team.work(*task_ids))
        except KeyboardInterrupt:
            resume = self._project.resume(*task_ids, *self._allowed)
            raise Interrupted(f"interrupted, nothing is lost; resume with: {resume}") from None
        finally:
            self._progress.pause()
        seconds = time.monotonic() - begun
        self._permit.tell()
        return [self._ended(task_id, end, seconds) for task_id, end in ends.items()]

    def _ended(self, task_id: str, end: Task | OrchestratorError, seconds: float) -> Outcome:
        if not isinstance(end, OrchestratorError):
            return Outcome(task_id, end, None, seconds)
        try:
            task = self._engine.refresh(task_id).task
        except OrchestratorError:
            return Outcome(task_id, None, end, seconds)
        options = [*outcome.higher_limits(task), *self._allowed]
        return Outcome(task_id, task, end, seconds, self._project.resume(task_id, *options))
