"""`--output stream-json`: what workers do as JSON lines, while they do it. docs/cli.md is the contract."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from orchestrator.cli import outcome, screen
from orchestrator.cli.outcome import Outcome
from orchestrator.cli.project import Project

if TYPE_CHECKING:
    from orchestrator.events import Json
    from orchestrator.task import Task
    from orchestrator.worker import Moment


class Stream:
    """A line of its own for every Moment worth one, and a last one for how a task ended."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def __call__(self, moment: Moment) -> None:
        task = moment.task
        match moment.kind:
            case "started" | "resumed":
                more = {"agent": task.agent, "description": task.description, **_figures(task)}
            case "asking" | "done":
                more = _figures(task)
            case "said" | "told" | "renewed":
                more = {"text": moment.text}
            case "paused" | "stopped":
                more = {"reason": moment.text, **_figures(task)}
            case "call" if moment.call is not None:
                block = moment.call
                more = {"call": block["id"], "tool": block["name"], "input": block["input"]}
            case "ended" if moment.ended is not None:
                text = "\n".join(part["text"] for part in moment.ended.content["content"][:-1])
                more = {"receipt": moment.ended.receipt.model_dump(), "text": text, **_figures(task)}
            case _:
                return
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        _print({"type": moment.kind, "task": task.id, "at": at, **more})

    def ended(self, end: Outcome) -> None:
        """The last line of a task."""
        _print({"type": "result", **outcome.as_json(self._project, end)})

    def question(self, task: Task, command: str) -> AbstractContextManager[None]:
        """A person is asked on standard error: nothing is in the way there."""
        return nullcontext()

    def say(self, text: str) -> None:
        screen.complain(click.unstyle(text))

    def close(self) -> None:
        """There is nothing to take away."""


def _figures(task: Task) -> Json:
    """Where a task stands: the same words as in the result."""
    items = task.live_items
    return {
        "turns": task.turns,
        "items": {"done": sum(item.checked for item in items), "total": len(items)},
        "usage": outcome.usage(task),
    }


def _print(line: Json) -> None:
    """ASCII: what is in it can steer no terminal."""
    click.echo(json.dumps(line, separators=(",", ":")))
