"""init: prepare a project, so that the first run finds everything."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import click

from orchestrator.cli import repository, screen
from orchestrator.cli.project import Project, pass_project
from orchestrator.errors import StorageError

_AGENT = Path(__file__).with_name("code-reviewer.md")
_IGNORE = b"/.temp/\n"
_DOCUMENT = ".temp/task-status-K7Q2MX.json"
"""The name of a document, for git to be asked about."""

Ignored = Literal["already", "added", "link", "unknown"]


@click.command(
    epilog="JSON: {project, created: [paths], ignored: already | added | link | unknown | null, agent, next}."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_project
def command(project: Project, as_json: bool) -> None:
    """Prepare a project for agents.

    Makes .temp, has git ignore it, and writes a first agent where there are none. Done again, it changes nothing.
    """
    fresh = not (project.temp / ".orchestrator").is_dir()
    with project.engine(create=True):
        pass
    try:
        ignored = _ignore(project.workspace)
        agent = _first_agent(project.workspace)
    except OSError as error:
        raise StorageError(f"{error.filename}: {error.strerror}: orchestrator needs to write there") from None
    created = [".temp"] * fresh + [".gitignore"] * (ignored == "added") + ([project.relative(agent)] if agent else [])
    where = f" --project {screen.quoted(str(project.given))}" if project.given else ""
    following = f"orchestrator{where} " + (f'run {_AGENT.stem} "Review the error handling"' if agent else "agents")
    if as_json:
        answer = {"project": str(project.workspace), "created": created, "ignored": ignored}
        screen.print_json({**answer, "agent": agent and project.relative(agent), "next": following})
        return
    click.echo(f"{screen.line(str(project.workspace))} {'is prepared' if created else 'was prepared already'}")
    if fresh:
        click.echo("  .temp: documents of tasks will be here")
    if ignored == "added":
        click.echo("  .gitignore: git ignores .temp now")
    elif ignored == "link":
        click.echo("  .gitignore is a link that git does not read: put .temp/ in .git/info/exclude")
    elif ignored == "unknown":
        click.echo("  git could not be asked whether it ignores .temp: see that it does")
    if agent:
        click.echo(f"  {project.relative(agent)}: a first agent, yours to change")
    click.echo(f"next: {following}")


def _ignore(workspace: Path) -> Ignored | None:
    """Have git ignore `.temp`; None where there is no repository."""
    if not repository.around(workspace):
        return None
    code, _ = repository.ask(workspace, "check-ignore", "-q", _DOCUMENT) or (None, b"")
    if code != 1:
        return "already" if code == 0 else "unknown"
    if (path := workspace / ".gitignore").is_symlink():
        return "link"
    _append(path, _IGNORE)
    return "added"


def _append(path: Path, line: bytes) -> None:
    """Add a line to a file, which may end in the middle of one."""
    from orchestrator.files import Disk

    disk = Disk()
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        begun = size and os.pread(descriptor, 1, size - 1) != b"\n"
        disk.append(descriptor, path, b"\n" + line if begun else line, size)
    finally:
        os.close(descriptor)


def _first_agent(workspace: Path) -> Path | None:
    """The example, in a project that has no folder of agents yet."""
    from orchestrator.files import Disk

    folder = workspace / ".claude" / "agents"
    if folder.exists():
        return None
    path = folder / _AGENT.name
    Disk().make_directories(folder)
    Disk().create(path, _AGENT.read_bytes())
    return path
