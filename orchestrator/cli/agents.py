"""agents: who can be run here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator import shipped
from orchestrator.cli import outcome, screen
from orchestrator.cli.project import Project, agent_names, pass_project

if TYPE_CHECKING:
    from orchestrator.definitions import Agent


@click.command(
    epilog="JSON: {agents: [{name, from, path, description, model, tools, disallowed, mode, verify, limits}], "
    "unreadable: [{path, reason}]}; with NAME that agent, output_schema and body."
)
@click.argument("name", required=False, shell_complete=agent_names)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_project
def command(project: Project, name: str | None, as_json: bool) -> None:
    """List the agents that can be run, or show one whole.

    They are the markdown files in .claude/agents of the project, then of your home directory, then ours; of two with
    one name the first counts.
    """
    library = project.library()
    if name is not None:
        agent = library.find(name)
        if as_json:
            screen.print_json(_json(project, agent) | {"output_schema": agent.output_schema, "body": agent.body})
        else:
            _show(project, agent)
        return
    unreadable = [{"path": project.relative(Path(bad.path)), "reason": bad.reason} for bad in library.unreadable]
    if as_json:
        screen.print_json({"agents": [_json(project, agent) for agent in library.all()], "unreadable": unreadable})
        return
    _table(project, library.all())
    if unreadable:
        screen.title("Unreadable")
    for row in unreadable:
        _wrapped(f"{row['path']}: {row['reason']}")


def _from(project: Project, agent: Agent) -> str:
    if agent.path.is_relative_to(project.workspace / ".claude"):
        return "project"
    return "built-in" if agent.path.is_relative_to(shipped.folder("agents")) else "user"


def _tools(agent: Agent) -> str:
    tools = "all" if agent.tools is None else ", ".join(agent.tools) or "none"
    return f"{tools} but {', '.join(agent.disallowed)}" if agent.tools is None and agent.disallowed else tools


def _json(project: Project, agent: Agent) -> dict[str, Any]:
    return {
        "name": agent.name,
        "from": _from(project, agent),
        "path": project.relative(agent.path),
        "description": agent.description,
        "model": agent.model,
        "tools": None if agent.tools is None else list(agent.tools),
        "disallowed": list(agent.disallowed),
        "mode": agent.mode,
        "verify": list(agent.verify),
        "limits": dict(agent.limits),
    }


def _table(project: Project, agents: tuple[Agent, ...]) -> None:
    if not agents:
        click.echo("no agents: `orchestrator init` writes a first one")
    for agent in agents:
        facts = f"{_from(project, agent)}, {agent.model or 'default model'}, tools: {_tools(agent)}"
        name = screen.fit(agent.name, screen.columns() // 2)
        room = screen.columns() - screen.measure(name) - 2
        click.echo(f"{click.style(name, bold=True)}  {screen.fit(facts, room)}")
        about = agent.description.strip().partition("\n")[0]
        click.echo(f"  {screen.dim(screen.fit(about, screen.columns() - 2))}")


def _show(project: Project, agent: Agent) -> None:
    from orchestrator import tools

    click.echo(click.style(screen.line(agent.name), bold=True))
    facts = {
        "from": f"{_from(project, agent)}, {project.relative(agent.path)}",
        "model": agent.model or "default",
        "tools": _tools(agent),
        "lacks": ", ".join(agent.lacks(tools.catalog())),
        "mode": agent.mode,
        "verify": "; ".join(agent.verify),
        "limits": outcome.limits(agent.limits),
        "result": "fits its output_schema" if agent.output_schema else "",
    }
    for key, value in facts.items():
        if value:
            _wrapped(f"{key + ':':<8}{value}", deeper=8)
    for title, text in (("Description", agent.description), ("Prompt", agent.body)):
        screen.title(title)
        for line in text.rstrip().splitlines():
            click.echo("\n".join(screen.wrap(line, screen.columns())))


def _wrapped(text: str, deeper: int = 2) -> None:
    for number, row in enumerate(screen.wrap(screen.line(text), screen.columns() - 2 - deeper)):
        click.echo(" " * (2 + deeper if number else 2) + row)
