"""run: give an agent a task, and see it done."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack

import click

from orchestrator import shipped
from orchestrator.cli import outcome, repository, screen
from orchestrator.cli.project import Project, agent_names, pass_project
from orchestrator.cli.words import Words
from orchestrator.cli.work import Orders, Shift, allowed, check_price, limits, names, orders, permissions, text, view
from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.definitions import Agent
    from orchestrator.engine import Engine
    from orchestrator.models import Names
    from orchestrator.settings import Settings


LEAD = "lead"


@click.command(epilog="JSON: one object {task, agent, status, exit_code, error, documents, files, …}, see docs/cli.md.")
@click.argument("agent", type=Words(), required=False, shell_complete=agent_names)
@click.argument("task", type=Words(), required=False)
@click.option(
    "--model",
    type=Words(),
    help="opus, sonnet, haiku, a name from the settings or a full one, instead of the definition's.",
)
@click.option(
    "--mode",
    type=click.Choice(["full", "lightweight"]),
    help="All six documents, or checklist, progress and status JSON.",
)
@click.option(
    "--verify",
    type=Words(),
    metavar="CMD",
    multiple=True,
    help="A command that must pass before it is done. Repeatable.",
)
@click.option(
    "--isolate",
    type=click.Choice(["worktree"]),
    help="In a git worktree of its own, as each that it gives away; lands when it is verified.",
)
@click.option(
    "--team", "file", metavar="FILE", type=Path, help="Run the tasks written in a YAML file, instead of AGENT."
)
@click.option("--detach", is_flag=True, help="Print the id, and work on in a process of its own: see wait, tell, stop.")
@orders
@pass_project
def command(
    project: Project,
    agent: str | None,
    task: str | None,
    model: str | None,
    mode: Literal["full", "lightweight"] | None,
    verify: tuple[str, ...],
    isolate: Literal["worktree"] | None,
    file: Path | None,
    detach: bool,
    **given: Unpack[Orders],
) -> int:
    """Run AGENT on a TASK, until it is done and archived.

    Without TASK, or with -, the task is read from standard input. With a sentence in the place of AGENT and nothing
    else, that is the goal of the agent `lead`, which gives its parts to other agents. With --team there is no lead:
    what is done by whom, and after what, stands in FILE.
    """
    if (file is None) == (agent is None):
        raise UsageError("name an agent and its task, or a --team FILE")
    if file is not None:
        if model or mode:
            raise UsageError("--model and --mode are of one AGENT: they do not go with --team")
        return _run_team(project, file, verify, given, isolate=isolate, detach=detach)
    assert agent is not None
    if task is None and len(agent.split()) > 1 and agent not in agents(project):
        agent, task = LEAD, agent
    settings = project.settings()
    definition = project.library().find(agent)
    description = text(task, "task", after="agent")
    mode = mode or definition.mode or settings.mode
    model = model or definition.model
    _check_declared(definition, settings, given)
    _warn(definition, model, names(settings))
    isolate = _place(project, settings, isolate)

    from orchestrator.events import Limits
    from orchestrator.models import connect

    declared = {**definition.limits, **settings.limits, **settings.agents.get(definition.name, {})}
    bounds = limits(given, Limits(**declared))
    check_price(bounds, names(settings).full(model))
    model_api = connect(settings.provider)
    with project.engine(create=True) as engine:
        shift = Shift(project, engine, model_api, given, settings, view(project, given["output"]))
        verify = verify or settings.verify
        started = shift.team.start(
            agent, description, limits=bounds, verify=verify, mode=mode, model=model, isolate=bool(isolate)
        )
        return _see_done(project, engine, shift, started.id, given, detach=detach)


def _run_team(
    project: Project,
    file: Path,
    verify: tuple[str, ...],
    given: Orders,
    *,
    isolate: Literal["worktree"] | None,
    detach: bool,
) -> int:
    from orchestrator.events import Limits
    from orchestrator.models import connect
    from orchestrator.team.plan import read

    settings = project.settings()
    plan = read(file, agents(project))
    for name in {task["agent"] for task in plan.tasks.values()}:
        definition = project.library().find(name)
        _check_declared(definition, settings, given)
        _warn(definition, definition.model, names(settings))
    _check_permitted(
        [(str(file), command) for commands in plan.verify.values() for command in commands], settings, given
    )
    isolate = _place(project, settings, isolate)
    model_api = connect(settings.provider)
    with project.engine(create=True) as engine:
        shift = Shift(project, engine, model_api, given, settings, view(project, given["output"]))
        bounds = limits(given, Limits(**settings.limits))
        started = shift.team.start_written(plan, limits=bounds, verify=verify or settings.verify, isolate=bool(isolate))
        return _see_done(project, engine, shift, started.id, given, detach=detach)


def _see_done(project: Project, engine: Engine, shift: Shift, task_id: str, given: Orders, *, detach: bool) -> int:
    if detach:
        from orchestrator.cli import background

        log = background.resume(project, engine, task_id, allowed(given))
        return _tell_detached(project, task_id, log, as_json=given["output"] != "text")
    (end,) = shift.work([task_id])
    return outcome.tell(project, [end], given["output"], outcome.as_json(project, end))


def _tell_detached(project: Project, task_id: str, log: Path, *, as_json: bool) -> int:
    if as_json:
        click.echo(json.dumps({"task": task_id, "log": project.relative(log)}))
    else:
        click.echo(task_id)
        screen.complain(f"at work; what it says is in {project.relative(log)}")
    return 0


def agents(project: Project) -> set[str]:
    return {agent.name for agent in project.library().all()}


def _check_declared(definition: Agent, settings: Settings, given: Orders) -> None:
    """Refuse verification commands that the project brings along and nobody has allowed: they run unasked."""
    from orchestrator.settings import PROJECT

    declared = [(PROJECT, command) for command in settings.verify]
    if not definition.path.is_relative_to(shipped.folder("agents")):
        declared += [(str(definition.path), command) for command in definition.verify]
    _check_permitted(declared, settings, given)


def _check_permitted(declared: Iterable[tuple[str, str]], settings: Settings, given: Orders) -> None:
    """Each with the place that declares it."""
    permitted = permissions(given, settings)
    for place, command in declared:
        if not permitted.allows(command):
            how = screen.allowing(command)
            raise UsageError(f"{place} declares the verification command `{command}`: allow it with {how}")


def _warn(definition: Agent, model: str | None, names: Names) -> None:
    """Name the tools of a definition that there are not, and a model that is nearly a short name."""
    import difflib

    from orchestrator.tools import catalog

    known = catalog()
    if lacking := definition.lacks(known):
        there_are = f"orchestrator has {', '.join(known)}"
        screen.complain(f"{definition.name} asks for tools that are not offered: {', '.join(lacking)}; {there_are}")
    near = difflib.get_close_matches(model or "", names, n=1)
    if near and names.full(model) == model:
        screen.complain(f"the model {model!r} is no short name and is asked for as it is: did you mean {near[0]}?")


def _place(project: Project, settings: Settings, isolate: Literal["worktree"] | None) -> Literal["worktree"] | None:
    """Where the work is done: apart, if that can be; else changes that are here already are warned of."""
    if isolate := isolate or settings.isolate:
        from orchestrator import worktrees

        worktrees.check(project.temp)
    else:
        _warn_of_mixing(project)
    return isolate


def _warn_of_mixing(project: Project) -> None:
    """Name the changes that nobody could tell from the agent's."""
    if count := repository.uncommitted(project.workspace):
        changes = "change is" if count == 1 else "changes are"
        screen.complain(
            f"{count} {changes} not committed here, and the agent's will be mixed with them: commit first, "
            "or see afterwards with `orchestrator changes` what it did"
        )
