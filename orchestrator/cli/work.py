"""What `run` and `resume` share: their options, a team whose progress and questions are on the terminal, its ends."""

from __future__ import annotations

import errno
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar

import click

from orchestrator.cli import outcome, screen
from orchestrator.cli.outcome import Outcome
from orchestrator.cli.permit import Permit
from orchestrator.cli.progress import Progress
from orchestrator.cli.project import Project
from orchestrator.cli.stream import Stream
from orchestrator.cli.words import Words
from orchestrator.errors import Interrupted, OrchestratorError, Unanswered, UsageError

if TYPE_CHECKING:
    from orchestrator.engine import Engine
    from orchestrator.events import Limits
    from orchestrator.models import Model, Names
    from orchestrator.permissions import Permissions
    from orchestrator.settings import Settings
    from orchestrator.team import End, Team

Output = Literal["text", "json", "stream-json"]
Function = TypeVar("Function", bound=Callable[..., Any])
_NOTICED = 1.0
"""Seconds."""
_LIMITS = ("turns", "tokens", "seconds", "cost")


class Bounds(TypedDict):
    """What may be used up."""

    max_turns: int | None
    max_tokens: int | None
    max_seconds: float | None
    max_cost: float | None


class Orders(Bounds):
    """What a person says about a run, beside what is to be done."""

    allow: tuple[str, ...]
    yes: bool
    output: Output


class Amount(click.FloatRange):
    """A number above 0, which not every number is: `nan`, for one, is none and passes every comparison."""

    name = "number"

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:
        number = super().convert(value, param, context)
        return number if math.isfinite(number) else self.fail(f"{value!r} is no amount", param, context)


def orders(command: Function) -> Function:
    """The options of `Orders`."""
    for option in reversed(
        (
            click.option(
                "--allow",
                type=Words(),
                metavar="RULE",
                multiple=True,
                help="Run these commands unasked: 'Bash(npm test)'"
                " that one, 'Bash(npm test:*)' what begins so. Repeatable.",
            ),
            click.option("--yes", is_flag=True, help="Run every command unasked."),
        )
    ):
        command = option(command)
    return bounds(output_option(command))


def bounds(command: Function) -> Function:
    """The options of what may be used up."""
    for option in reversed(
        (
            click.option("--max-turns", type=click.IntRange(1), metavar="N", help="Stop after N replies of the model."),
            click.option("--max-tokens", type=click.IntRange(1), metavar="N", help="Never use more than N tokens."),
            click.option("--max-seconds", type=Amount(), metavar="S", help="Stop after S s."),
            click.option("--max-cost", type=Amount(), metavar="USD", help="Never spend more than so many US dollars."),
        )
    ):
        command = option(command)
    return command


def output_option(command: Function) -> Function:
    """The option of what is on standard output."""
    short = click.option("--json", "output", flag_value="json", help="The same as --output json.")
    return click.option(
        "--output",
        type=click.Choice(["text", "json", "stream-json"]),
        default="text",
        help="Text for people; one JSON document at the end, progress being on stderr; or a JSON object a line, "
        "as it happens.",
    )(short(command))


def view(project: Project, output: Output) -> Progress | Stream:
    """What is called with every Moment."""
    return Stream(project) if output == "stream-json" else Progress(project, err=output == "json")


def limits(given: Bounds, before: Limits) -> Limits:
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


def lift(given: Bounds) -> bool:
    """True when any limit is given."""
    return any(given[f"max_{name}"] is not None for name in _LIMITS)  # type: ignore[literal-required]


def text(given: str | None, what: str, after: str) -> str:
    """What a person says on the command line after something else, or on standard input."""
    if given in (None, "-"):
        if given is None and sys.stdin.isatty():
            raise UsageError(f"what is the {what}? Give it after the {after}, or on standard input")
        given = sys.stdin.buffer.read().decode("utf-8", "replace")
    if not (said := given.strip()):
        raise UsageError(f"the {what} is empty")
    return said


def names(settings: Settings) -> Names:
    """What models are called in this project."""
    from orchestrator.models import Names

    return Names(settings.models, settings.model)


@contextmanager
def interruptible(and_now: str) -> Iterator[None]:
    """Raises Interrupted on Ctrl-C, and when nobody reads the output, or it cannot be written.

    There may be nobody any more who is willing to pay for it.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted, {and_now}") from None
    except OSError as error:
        if error.filename or error.errno not in (errno.EPIPE, errno.ENOSPC):
            raise
        screen.abandon_output()
        why = "is read no longer" if error.errno == errno.EPIPE else f"cannot be written ({error.strerror})"
        raise Interrupted(f"the output {why}, so this stops; {and_now}") from None


class Shift:
    """One go of work."""

    def __init__(
        self,
        project: Project,
        engine: Engine,
        model: Model,
        given: Orders,
        settings: Settings,
        report: Progress | Stream,
    ) -> None:
        from orchestrator.team import Team
        from orchestrator.worker import Setting

        self._report = report
        model.on_rest = self._rests
        self._permit = Permit(permissions(given, settings), report)
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
                report=report,
                names=names(settings),
                ask=self._permit.ask,
                limits=settings.agents,
            ),
            settings.caps,
        )

    def work(self, task_ids: Sequence[str]) -> list[Outcome]:
        """Run the tasks to their ends; raises Interrupted on Ctrl-C, and when the output goes nowhere."""
        import asyncio

        begun = time.monotonic()
        outcomes: dict[str, Outcome] = {}

        def ended(task_id: str, end: End) -> None:
            outcomes[task_id] = self._ended(task_id, end, time.monotonic() - begun)
            self._report.ended(outcomes[task_id])

        resume = self._project.resume(*task_ids, *self._allowed)
        with interruptible(f"nothing is lost; resume with: {resume}"), closing(self._report):
            asyncio.run(self.team.work(*task_ids, ended=ended))
        self._permit.tell()
        return [outcomes[task_id] for task_id in task_ids]

    def _rests(self, seconds: float) -> None:
        """Say until when nobody asks the server, if that is long enough to be noticed."""
        if seconds >= _NOTICED:
            until = screen.clock((datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()).split()[1]
            self._report.say(screen.dim(f"the server has too much to do: all wait until {until}"))

    def _ended(self, task_id: str, end: End, seconds: float) -> Outcome:
        if not isinstance(end, OrchestratorError):
            return Outcome(task_id, end, None, seconds)
        try:
            task = self._engine.refresh(task_id).task
        except OrchestratorError:
            return Outcome(task_id, None, end, seconds)
        how = outcome.way_on(self._project, self._engine, task, *self._allowed)
        if isinstance(end, Unanswered):
            how = f"{self._project.typed('answer', end.task, '…')}, then {how}"
        return Outcome(task_id, task, end, seconds, how)
