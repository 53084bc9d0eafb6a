"""What `run` and `resume` share: their options, a team whose progress and questions are on the terminal, its ends."""

from __future__ import annotations

import math
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
from orchestrator.errors import Interrupted, OrchestratorError, UsageError

if TYPE_CHECKING:
    from orchestrator.engine import Engine
    from orchestrator.events import Limits
    from orchestrator.models import Model, Names
    from orchestrator.permissions import Permissions
    from orchestrator.settings import Settings
    from orchestrator.task import Task
    from orchestrator.team import Team

Function = TypeVar("Function", bound=Callable[..., Any])
_LIMITS = ("turns", "tokens", "seconds", "cost")


class Orders(TypedDict):
    """What a person says about a run, beside what is to be done."""

    max_turns: int | None
    max_tokens: int | None
    max_seconds: float | None
    max_cost: float | None
    allow: tuple[str, ...]
    yes: bool
    as_json: bool


class Amount(click.FloatRange):
    """A number above 0, which not every number is: `nan`, for one, is none and passes every comparison."""

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:
        number = super().convert(value, param, context)
        return number if math.isfinite(number) else self.fail(f"{value!r} is no amount", param, context)


def orders(command: Function) -> Function:
    """The options of `Orders`."""
    for option in reversed(
        (
            click.option("--max-turns", type=click.IntRange(1), metavar="N", help="Stop after N replies of the model."),
            click.option("--max-tokens", type=click.IntRange(1), metavar="N", help="Stop after N tokens, all told."),
            click.option("--max-seconds", type=Amount(), metavar="S", help="Stop after S s."),
            click.option("--max-cost", type=Amount(), metavar="USD", help="Stop after so many US dollars."),
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
    now = {name: given[f"max_{name}"] for name in _LIMITS}  # type: ignore[literal-required]
    return before.model_copy(update={name: value for name, value in now.items() if value is not None})


def check_price(limits: Limits, model: str) -> None:
    """Raises UsageError for a limit of cost that could not be kept to."""
    from orchestrator.events import Usage
    from orchestrator.models import pricing

    if limits.cost is not None and pricing.cost(model, Usage()) is None:
        raise UsageError(f"the price of {model} is not known, so its cost cannot be limited: limit tokens or turns")


def permissions(given: Orders, settings: Settings) -> Permissions:
    """The commands that run unasked; raises UsageError for a rule that cannot be read."""
    from orchestrator.permissions import Permissions

    return Permissions([*given["allow"], *settings.allow], everything=given["yes"])


def allowed(given: Orders) -> list[str]:
    """The options that say which commands run unasked, for those who go on."""
    rules = [word for rule in given["allow"] for word in ("--allow", rule)]
    return [*rules, "--yes"] if given["yes"] else rules


def lift(given: Orders) -> bool:
    """True when any limit is given."""
    return any(given[f"max_{name}"] is not None for name in _LIMITS)  # type: ignore[literal-required]


def names(settings: Settings) -> Names:
    """What models are called in this project."""
    from orchestrator.models import Names

    return Names(settings.models, settings.model)


class Shift:
    """One go of work."""

    def __init__(self, project: Project, engine: Engine, model: Model, given: Orders, settings: Settings) -> None:
        from orchestrator.team import Team
        from orchestrator.worker import Setting

        self._progress = progress = Progress(project.workspace, err=given["as_json"])
        self._permit = Permit(permissions(given, settings), progress)
        self._project = project
        self._engine = engine
        self._allowed = allowed(given)
        self.team: Team = Team(
            engine,
            project.library(),
            lambda: model,
            Setting(
                workspace=project.workspace,
                environment=os.environ,
                permit=self._permit,
                report=progress,
                names=names(settings),
            ),
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
