"""The demo: two agents, or a team, on a small clinic project.

The model may be scripted; tools, files and processes are real.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator import shipped, tree
from orchestrator.definitions import Library
from orchestrator.errors import BadRequest, OrchestratorError, ScreenplayError, StorageError, UnknownTask, UsageError

if TYPE_CHECKING:
    from orchestrator.engine import Engine
    from orchestrator.files import Disk
    from orchestrator.models import Model, Names
    from orchestrator.task import Task
    from orchestrator.team import Team
    from orchestrator.testing import Screenplay
    from orchestrator.worker import Moment

ARCHITECT = "sequelize-associations-architect"
DB_WORKER = "db-worker"
TASKS = {
    ARCHITECT: "Design the Sequelize associations of the clinic: doctors, patients, appointments, medical records. "
    "Write the design to docs/associations.md.",
    DB_WORKER: "Write the models and migrations for appointments and medical records after the architect's design, "
    "and associate the existing models.",
}
"""What each agent is asked to do, in this order."""
TEAM = {
    "lead": "Patients book appointments with doctors: design the associations, build tables, models and a booking "
    "service, and have it tested and reviewed."
}
"""What a lead is asked to do, who has six below it do it."""

_FOLDER = Path(__file__).parent
_CLINIC = _FOLDER / "clinic"


def prepare(directory: Path) -> None:
    """Copy the clinic project to a directory that is new, empty, or holds an earlier demo; else raises UsageError.

    A copy that a death cut short is made whole. Raises StorageError where it cannot be, and leaves nothing in a
    directory that was empty.
    """
    there = directory.exists()
    if there and not _is_copy(directory):
        if not all((directory / path.relative_to(_CLINIC)).exists() for path in _CLINIC.rglob("*")):
            raise UsageError(f"{directory} is neither empty nor an earlier demo: name a directory that does not exist")
        return
    empty = there and not any(directory.iterdir())
    try:
        shutil.copytree(_CLINIC, directory, copy_function=_complete, dirs_exist_ok=True)
    except OSError as error:
        for path in [directory / source.name for source in _CLINIC.iterdir()] if empty else [directory] * (not there):
            shutil.rmtree(path, ignore_errors=True)
            with suppress(OSError):
                path.unlink()
        reason = error.args[0][0][2] if isinstance(error, shutil.Error) else error.strerror
        raise StorageError(f"{directory}: {reason}: the demo was not begun: name another directory") from None


def _is_copy(directory: Path) -> bool:
    """True when nothing is there, but for `.temp`, that is not a beginning of what is to be."""
    for path in directory.rglob("*"):
        part = path.relative_to(directory)
        ours = _CLINIC / part
        if part.parts[0] == ".temp" or (path.is_dir() and ours.is_dir()):
            continue
        if not (path.is_file() and ours.is_file() and ours.read_bytes().startswith(path.read_bytes())):
            return False
    return True


def _complete(source: str, target: str) -> None:
    if not os.path.exists(target) or os.path.getsize(target) < os.path.getsize(source):
        shutil.copy2(source, target)


def screenplay(tasks: Mapping[str, str] = TASKS) -> Screenplay:
    """What is said when the agents are asked that."""
    from orchestrator.testing import Screenplay

    play = Screenplay.load(_FOLDER / "screenplay.yaml")
    if tasks is TASKS:
        return play
    team = Screenplay.load(_FOLDER / "team.yaml")
    return Screenplay((*play.actors, *team.actors), play.captures | team.captures)


@contextmanager
def scripted(directory: Path, tasks: Mapping[str, str] = TASKS) -> Iterator[Callable[[], Model]]:
    """A model that plays the screenplay of these tasks: all of it, unless the demo here was begun before."""
    import anthropic

    from orchestrator import overview
    from orchestrator.models.messages import MessagesApi
    from orchestrator.testing import ScriptedServer

    forgiven = (ScreenplayError,) if overview.read(directory / ".temp") else ()  # the turns that were played before
    with suppress(*forgiven), ScriptedServer(screenplay(tasks)) as server:
        try:
            yield lambda: MessagesApi(
                anthropic.AsyncAnthropic(
                    api_key="scripted",
                    base_url=server.url,
                    http_client=anthropic.DefaultAsyncHttpxClient(trust_env=False),  # a proxy would not find it
                ),
                price=lambda model, usage: 0.0,
            )
        except BadRequest as error:
            raise BadRequest(
                f"the scripted model knows no answer to what happened in {directory}: "
                "go on with a real one (`--live`), or begin another demo elsewhere"
            ) from error


def run(
    directory: Path,
    tasks: Mapping[str, str] = TASKS,
    *,
    model: Callable[[], Model],
    report: Callable[[Moment], None] = lambda moment: None,
    permit: Callable[[Task, str], Awaitable[bool]] | None = None,
    names: Names | None = None,
    environment: Mapping[str, str] = os.environ,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ids: Callable[[], str] | None = None,
    disk: Disk | None = None,
) -> list[Task]:
    """The tasks, one after the other, from wherever an earlier run of this in the same directory was left.

    Returns them, archived, each before those that it gave away; raises the OrchestratorError that stopped one. Without
    `permit` every command may run.
    """
    from orchestrator.engine import Engine
    from orchestrator.engine.folder import draw_id
    from orchestrator.masking import Mask
    from orchestrator.models import Names
    from orchestrator.team import Team
    from orchestrator.worker import Setting

    mask = Mask.from_environment(environment).text
    engine = Engine(directory / ".temp", disk=disk, clock=clock, ids=ids or draw_id, mask=mask)
    try:
        team = Team(
            engine,
            Library(directory, directory, shipped.folder("agents")),
            model,
            Setting(
                workspace=directory,
                environment=environment,
                permit=permit or _anything,
                report=report,
                names=names or Names(),
            ),
        )
        ended = (_archived(engine, team, agent, asked) for agent, asked in tasks.items())
        return [task for top in ended for task in tree.read(partial(_look, engine), [top.id])]
    finally:
        engine.close()


def _archived(engine: Engine, team: Team, agent: str, asked: str) -> Task:
    """The agent's task, worked on until it is archived; with it whatever else an earlier run left open."""
    tasks = [engine.refresh(task_id).task for task_id in engine.ids()]
    task = next((task for task in tasks if (task.agent, task.description) == (agent, asked)), None)
    task = task or team.start(agent, asked)
    if task.status == "archived":
        return task
    left = [other.id for other in tasks if not other.archived]
    end = asyncio.run(team.work(*dict.fromkeys([*left, task.id])))[task.id]
    if isinstance(end, OrchestratorError):
        raise end
    return end


def _look(engine: Engine, task_id: str) -> Task | None:
    """The task; None for one that was given away and never begun."""
    with suppress(UnknownTask):
        return engine.refresh(task_id).task
    return None


async def _anything(task: Task, command: str) -> bool:
    return True
