"""run: give an agent a task, and see it done."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Literal, Unpack

import click

from orchestrator import shipped
from orchestrator.cli import outcome, screen
from orchestrator.cli.project import Project, pass_project
from orchestrator.cli.work import Orders, Shift, limits, orders, permissions
from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.definitions import Agent
    from orchestrator.permissions import Permissions


@click.command(epilog="JSON: one object {task, agent, status, exit_code, error, documents, files, …}, see docs/cli.md.")
@click.argument("agent")
@click.argument("task", required=False)
@click.option("--model", help="opus, sonnet, haiku or a model's full name, instead of the definition's.")
@click.option(
    "--mode",
    type=click.Choice(["full", "lightweight"]),
    help="All six documents, or checklist, progress and status JSON.",
)
@click.option("--verify", metavar="CMD", multiple=True, help="A command that must pass before it is done. Repeatable.")
@orders
@pass_project
def command(
    project: Project,
    agent: str,
    task: str | None,
    model: str | None,
    mode: Literal["full", "lightweight"] | None,
    verify: tuple[str, ...],
    **given: Unpack[Orders],
) -> int:
    """Run AGENT on a TASK, until it is done and archived.

    Without TASK, or with -, the task is read from standard input.
    """
    description = _description(task)
    definition = project.library().find(agent)
    _check_declared(definition, permissions(given))
    _warn(definition, model)

    from orchestrator.events import Limits
    from orchestrator.models import connect

    model_api = connect()
    with project.engine(create=True) as engine:
        shift = Shift(project, engine, model_api, given)
        started = shift.team.start(
            agent, description, limits=limits(given, Limits()), verify=verify, mode=mode, model=model
        )
        (end,) = shift.work([started.id])
    if given["as_json"]:
        screen.print_json(outcome.as_json(project, end))
        if end.reason:
            screen.complain(end.reason)
    else:
        outcome.show(project, end)
    return outcome.exit_code([end])


def _check_declared(definition: Agent, permitted: Permissions) -> None:
    """Refuse verification commands that a definition brings along and nobody has allowed: they run unasked."""
    if definition.path.is_relative_to(shipped.folder("agents")):
        return
    for declared in definition.verify:
        if not permitted.allows(declared):
            how = screen.allowing(declared)
            raise UsageError(f"{definition.path} declares the verification command `{declared}`: allow it with {how}")


def _warn(definition: Agent, model: str | None) -> None:
    """Name the tools of a definition that there are not, and a model that is nearly a short name."""
    import difflib

    from orchestrator.models import resolve
    from orchestrator.tools import catalog

    known = catalog()
    lacking = [tool for tool in definition.tools or () if tool.partition("(")[0] not in known]
    if lacking:
        there_are = f"orchestrator has {', '.join(known)}"
        screen.complain(f"{definition.name} asks for tools that are not offered: {', '.join(lacking)}; {there_are}")
    name = model or definition.model or ""
    near = difflib.get_close_matches(name, ("opus", "sonnet", "haiku"), n=1)
    if near and resolve(name) == name:
        screen.complain(f"the model {name!r} is no short name and is asked for as it is: did you mean {near[0]}?")


def _description(task: str | None) -> str:
    if task in (None, "-"):
        if task is None and sys.stdin.isatty():
            raise UsageError("what is the task? Give it after the agent, or on standard input")
        task = sys.stdin.buffer.read().decode("utf-8", "replace")
    description = str(task).encode("utf-8", "replace").decode().strip()
    if not description:
        raise UsageError("the task is empty")
    return description
