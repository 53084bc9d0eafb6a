"""doctor: whatever may keep agents from working here, each looked at in turn. Mends nothing and never fails itself."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import urlsplit

import click

from orchestrator import chain, files, system
from orchestrator.cli import screen, standing
from orchestrator.cli.project import Project, pass_project
from orchestrator.errors import BadKey, MalformedKey, OrchestratorError, StorageError, UsageError

if TYPE_CHECKING:
    from orchestrator.engine import Folder
    from orchestrator.events import Kind
    from orchestrator.task import Task

_SERVER = "https://api.anthropic.com"
_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_LONGEST = 3.0
"""Seconds to wait for a server."""
_MARKS = {"ok": ("✓", "green"), "problem": ("✗", "red"), "note": ("·", None)}


class Check(NamedTuple):
    """`note`: worth knowing, nothing to mend. `said`: how it is, and of a problem what to do."""

    name: str
    state: Literal["ok", "problem", "note"]
    said: str


@click.command(epilog="JSON: {project, ok, checks: [{check, state: ok | problem | note, said}]}.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_project
def command(project: Project, as_json: bool) -> int:
    """Look for what may keep agents from working.

    Says what to do. Exit code 1 when there is a problem.
    """
    found = []
    for check in checks(project):
        found.append(check)
        if not as_json:
            _show(check)
    ok = all(check.state != "problem" for check in found)
    if as_json:
        rows = [{"check": check.name, "state": check.state, "said": screen.line(check.said)} for check in found]
        screen.print_json({"project": str(project.workspace), "ok": ok, "checks": rows})
    return 0 if ok else 1


def _show(check: Check) -> None:
    mark, colour = _MARKS[check.state]
    lead = f"{click.style(mark, fg=colour)} {check.name:<11} "
    gap = " " * len(click.unstyle(lead))
    for number, row in enumerate(screen.wrap(screen.line(check.said), screen.columns() - len(gap))):
        click.echo((gap if number else lead) + row)


def checks(project: Project) -> Iterator[Check]:
    """One after another, as they are looked at."""
    version = ".".join(map(str, sys.version_info[:3]))
    old = sys.version_info < (3, 11)
    yield Check("python", "problem" if old else "ok", f"{version}: use 3.11 or later" if old else version)
    yield from _settings(project)
    yield from _agents(project)
    yield from _model(_provider(project))
    yield _program("node", "node", "note", "agents that run JavaScript need it")
    yield _program("ripgrep", "rg", "problem", "Glob and Grep need it: install ripgrep")
    yield _program("git", "git", "note", "`init` and `run` ask it what is ignored, and not committed")
    yield Check("sandbox", "note", "there is none: commands that are allowed run with your rights")
    if not project.temp.exists():
        yield Check(".temp", "note", f"there is none in {project.workspace}: `orchestrator init` makes one")
        yield from _folder(project.workspace)
        return
    found = [files.obstacle(project.temp / name) for name in (".orchestrator", "completed")]
    if obstacles := [path for path in dict.fromkeys(found) if path]:
        yield from (Check("writing", "problem", f"{path}: Not a directory: take it away") for path in obstacles)
        return
    yield from _folder(project.temp)
    yield from _tasks(project.temp)


def _settings(project: Project) -> Iterator[Check]:
    """Each file of settings, and the variables: what is set there, or what is wrong."""
    from orchestrator import settings

    places = settings.places(project.workspace, os.environ)
    found = {project.relative(place.path): place.read for place in places}
    if any(name.startswith(settings.PREFIX) for name in os.environ):
        found["the environment"] = lambda: settings.said_in(os.environ)
    for name, read in found.items():
        try:
            keys = ", ".join(read())
        except UsageError as error:
            yield Check("settings", "problem", str(error))
        else:
            yield Check("settings", "ok" if keys else "note", f"{keys or 'nothing'} set in {name}")


def _agents(project: Project) -> Iterator[Check]:
    """Definitions that cannot be read, and how many can."""
    from orchestrator import tools

    library = project.library()
    yield from (
        Check("agents", "problem", f"{project.relative(Path(bad.path))}: {bad.reason}") for bad in library.unreadable
    )
    for agent in library.all():
        if lacking := ", ".join(agent.lacks(tools.catalog())):
            said = f"{project.relative(agent.path)} lists tools that are not here, and works without: {lacking}"
            yield Check("agents", "note", said)
    found = len(library.all())
    yield Check("agents", "ok" if found else "problem", f"{found} can be run" if found else "none: `init` writes one")


def _provider(project: Project) -> str:
    from orchestrator import settings

    try:
        return project.settings().provider
    except UsageError:
        return os.environ.get("ORCHESTRATOR_PROVIDER") or settings.Settings.provider


def _model(provider: str) -> Iterator[Check]:
    """Whether the model's provider finds what it needs, never what that is; then whether its server is there."""
    import asyncio

    from orchestrator.models import connect

    try:
        asyncio.run(connect(provider).close())
    except (BadKey, MalformedKey, ImportError) as error:
        yield Check("key", "problem", str(error))
        yield Check("server", "note", "not tried without a key")
    except UsageError as error:
        yield Check("server", "problem", str(error))
    else:
        yield Check("key", "ok", "ANTHROPIC_API_KEY" if os.environ.get("ANTHROPIC_API_KEY") else "found by the client")
        yield _server(provider)


def _server(provider: str) -> Check:
    """Whether something listens where the model, or the proxy before it, is said to be. Nothing is sent."""
    import socket
    from urllib.request import getproxies, proxy_bypass

    if provider != "messages":
        return Check("server", "note", f"not tried: that of {provider} is its own affair")
    url = os.environ.get("ANTHROPIC_BASE_URL") or _SERVER
    proxies = {} if proxy_bypass(urlsplit(url).hostname or "") else getproxies()
    proxy = proxies.get(urlsplit(url).scheme) or proxies.get("all")
    target = urlsplit(url if not proxy else proxy if "://" in proxy else f"http://{proxy}")
    address = target.hostname or "", target.port or _PORTS[target.scheme]
    where = f"{address[0]}:{address[1]}{' (a proxy)' if proxy else ''}"
    try:
        socket.create_connection(address, timeout=_LONGEST).close()
    except (OSError, UnicodeError) as error:
        reason = f"{where} does not answer ({error})"
        return Check("server", "problem", f"{reason}: check the network, and ANTHROPIC_BASE_URL if it is set")
    return Check("server", "ok", f"{where} answers")


def _program(name: str, program: str, missing: Literal["problem", "note"], why: str) -> Check:
    import shutil

    path = shutil.which(program)
    return Check(name, "ok", path) if path else Check(name, missing, f"no `{program}` on the PATH: {why}")


def _folder(place: Path) -> Iterator[Check]:
    """What the file system is, and can, in `.temp`, or where that will be."""
    kind = system.network_file_system(place)
    if kind is None:
        yield Check("file system", "ok", "local")
    elif os.environ.get("ORCHESTRATOR_ALLOW_NETWORK_FS") == "1":
        yield Check("file system", "note", f"{kind}, allowed: let no second machine use it")
    else:
        yield Check("file system", "problem", f"{kind}: use a local folder, or set ORCHESTRATOR_ALLOW_NETWORK_FS=1")
    import tempfile

    try:
        with tempfile.TemporaryDirectory(prefix=".doctor-", dir=place) as probe:
            exchanging = files.exchanges(files.Disk(), Path(probe))
        internal = place / ".orchestrator"
        closed = [path for path in (internal, *internal.glob("*/")) if path.exists() and not os.access(path, os.W_OK)]
    except OSError as error:
        remedy = "make room there" if error.errno == errno.ENOSPC else "make it a folder you may write to"
        yield Check("writing", "problem", f"{place}: {error.strerror}: {remedy}")
        return
    if closed:
        yield Check("writing", "problem", f"not allowed in {', '.join(map(str, closed))}: give yourself the right")
    else:
        yield Check("writing", "ok", "allowed")
    if exchanging:
        yield Check("exchange", "ok", "two files change places in one step")
    else:
        yield Check("exchange", "note", "not here: do not edit a document in the instant in which it is replaced")


def _tasks(temp: Path) -> Iterator[Check]:
    """The tasks that have a journal, those that had one, those that have it elsewhere, and those that people keep."""
    from orchestrator import overview
    from orchestrator.engine import Folder

    try:
        rows = list(overview.rows(temp))
    except StorageError as error:
        yield Check("tasks", "problem", str(error))
        return
    gone = [str(row.absent) for row in rows if row.keeping in ("gone", "renamed")]
    yield from _kept(Folder(temp, files.Disk()), gone)
    if said := standing.copies([row for row in rows if row.keeping == "copy"]):
        yield Check("journals", "note", said)
    if count := sum(row.keeping == "by hand" for row in rows):
        it = "it" if count == 1 else "them"
        said = f"{screen.count(count, 'task')} kept by hand: `orchestrator check` looks at {it}"
        yield Check("by hand", "note", f"{said}, `orchestrator adopt` takes {it} over")


def _kept(folder: Folder, gone: list[str]) -> Iterator[Check]:
    """The journals, the documents beside them, and what processes that died left in staging. `gone`: what is said."""
    from orchestrator.journal.file import FileJournals

    staged = _names(folder.staging)
    ids = FileJournals(folder.internal, folder.disk).ids()
    bad, behind, edited = [], [], []
    for task_id in ids:
        try:
            # looked at twice: it may be that just now a command replaces them
            states = _states(folder, task_id) and _states(folder, task_id)
        except (OSError, ValueError, KeyError, TypeError, OrchestratorError) as error:
            said = str(error).splitlines()[0]
            bad.append(said if task_id in said else f"{task_id} cannot be read: {said}")
            continue
        if newer := [name for name, state in states if state == "newer"]:
            said = f"{task_id} ends before what was published: {', '.join(newer)}"
            bad.append(f"{said}; put its journal back from a backup, or take these away to go on from what is left")
            continue
        behind += [f"{name} is {state}: `orchestrator show {task_id}`" for name, state in states if state != "edited"]
        edited += [name for name, state in states if state == "edited"]
    bad += gone
    yield from (Check("journals", "problem", said) for said in bad)
    if not bad:
        said = f"{len(ids)} read, line format {chain.FORMAT}, every line whole"
        yield Check("journals", "ok", said if ids else "none yet")
    yield from (Check("documents", "problem", f"{said} puts it right") for said in behind)
    if edited:
        yield Check("documents", "note", f"edited, the next command records it: {', '.join(edited)}")
    elif not behind:
        yield Check("documents", "ok", "in step with their journals")
    if left := ", ".join(sorted(staged & _names(folder.staging))):
        said = f"left by a process that died: {left}; `orchestrator show` with the id takes care of it"
        yield Check("staging", "problem", said)
    else:
        yield Check("staging", "ok", "nothing is left over")


def _states(folder: Folder, task_id: str) -> list[tuple[str, str]]:
    """The documents that are not as the journal says, each with how it is. None of a task that is being worked on.

    Raises Damaged, or whatever else a journal that cannot be read leads to.
    """
    from orchestrator import documents, revisions
    from orchestrator.engine import lease

    task = revisions.read(folder.temp, task_id)[0]
    if task.epoch and lease.held(folder.locks, task_id, task.epoch):
        return []
    kinds = [kind for kind in documents.kinds(task) if kind in task.documents]
    states = [(folder.document(task, kind).name, _state(folder, task, kind)) for kind in kinds]
    return [(name, state) for name, state in states if state]


def _state(folder: Folder, task: Task, kind: Kind) -> str:
    """How a document differs from what was published, nothing when it does not."""
    from orchestrator import documents
    from orchestrator.engine.absorption import is_newer

    try:
        data = files.read(folder.document(task, kind))
        elsewhere = files.read(folder.elsewhere(task, kind)) if data is None else None
        if not (data or elsewhere):
            return "missing" if data is None else "empty"
        _, stamp = documents.unstamp(kind, (data or elsewhere or b"").decode())
    except (OSError, ValueError):
        return "unreadable"
    if is_newer(task, stamp):
        return "newer"
    if data is None:
        return "missing"
    if stamp is None or not stamp.intact:
        return "edited"
    return "" if stamp.digest == task.documents[kind].digest else "stale"


def _names(folder: Path) -> set[str]:
    return set(os.listdir(folder)) if folder.is_dir() else set()
