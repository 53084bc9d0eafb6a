"""The demo killed with SIGKILL, from another process, before and after each journal line in turn, and resumed.

Every fourth stop by default, the others with `pytest -m proof`.

A child forked from this preloaded process runs the demo. Its disk stops before each journal line is written and after
it is durable, and says so through a pipe: the parent lets it go on, or kills it there. Ids and clock are given, and the
screenplay answers by what was said, so the resumed run must end byte for byte where the uninterrupted one does.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import anthropic  # noqa: F401  the children are forked from a process that has it
import pytest
from anthropic import AsyncAnthropic

from orchestrator import demo
from orchestrator.files import Disk
from orchestrator.models.messages import MessagesApi
from orchestrator.testing import Screenplay, ScriptedServer

IDS = ("ARCH24", "WRKR57")
PARTS = 4
Result = TypeVar("Result")


class ReportingDisk(Disk):
    """Stops before each journal line is written and after it is durable, until it is told to go on."""

    def __init__(self, said: int, told: int) -> None:
        self._said = said
        self._told = told

    def perform(self, operation: str, path: Path, action: Callable[[], Result]) -> Result:
        journal = path.suffix == ".jsonl" and path.stem in IDS
        if journal and operation in ("append", "move_new"):
            self._stop()
        result = action()
        if journal and operation in ("fdatasync", "move_new"):
            self._stop()
        return result

    def _stop(self) -> None:
        os.write(self._said, b".")
        os.read(self._told, 1)


def normalised(text: str) -> str:
    """What may differ between a resumed run and an uninterrupted one: revision, usage, the line that says resumed."""
    text = re.sub(r"<!-- orchestrator (\w+) r\d+ sha256:\w+ -->", r"<!-- orchestrator \1 -->", text)
    text = re.sub(r"\*\*(Usage|Resumed)\*\*:.*\n", "", text)
    if text.startswith("{"):
        data = json.loads(text)
        for key in ("revision", "usage", "sync"):
            data.pop(key, None)
        text = json.dumps(data)
    return text


def outcome(directory: Path) -> dict[str, str]:
    """Every file of the workspace and every document, normalised; not the engine's own."""
    return {
        str(path.relative_to(directory)): normalised(path.read_text())
        for path in sorted(directory.rglob("*"))
        if path.is_file() and ".orchestrator" not in path.parts and path.name != "commands.log"
    }


def play(directory: Path, url: str, disk: Disk, environment: dict[str, str]) -> None:
    """The demo, in whatever process this is called in; resumes one that was killed."""
    drawn = iter(IDS)
    demo.run(
        directory,
        model=lambda: MessagesApi(AsyncAnthropic(api_key="scripted", base_url=url)),
        clock=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        ids=lambda: next(drawn),
        disk=disk,
        environment=environment,
    )


def forked(act: Callable[[], None]) -> int:
    """Run something in a child process, which ends with status 0 unless it raised; returns its pid."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            act()
            code = 0
        finally:
            os._exit(code)
    return pid


def killed_at(stop: int, directory: Path, url: str, environment: dict[str, str]) -> int:
    """Run the demo and kill it at that stop; returns how many stops there were."""
    said_read, said = os.pipe()
    told, told_write = os.pipe()
    pid = forked(lambda: play(directory, url, ReportingDisk(said, told), environment))
    os.close(said)
    os.close(told)
    stops = 0
    while os.read(said_read, 1):
        stops += 1
        if stops == stop:
            os.kill(pid, signal.SIGKILL)
            break
        os.write(told_write, b".")
    _, status = os.waitpid(pid, 0)
    os.close(said_read)
    os.close(told_write)
    assert os.WIFSIGNALED(status) if stops == stop else status == 0
    return stops


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ScriptedServer(Screenplay.load(Path(demo.__file__).parent / "screenplay.yaml"))
    with server:
        yield server.url


def workspace(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A fresh clinic, and an environment whose commands are logged: node, and awk which stands in for it.

    Every run has the same absolute path, since paths are part of what agents read and say.
    """
    directory, programs, log = tmp_path / "clinic", tmp_path / "bin", tmp_path / "commands.log"
    shutil.rmtree(directory, ignore_errors=True)
    shutil.rmtree(programs, ignore_errors=True)
    log.write_text("")
    programs.mkdir()
    for name in ("node", "awk"):
        if real := shutil.which(name):
            shim = programs / name
            shim.write_text(f'#!/bin/sh\necho "{name} $*" >> {log}\nexec {real} "$@"\n')
            shim.chmod(0o755)
    demo.prepare(directory)
    return directory, {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(tmp_path)}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, url: str) -> tuple[Path, dict[str, str], list[str], int]:
    """Where the runs happen, what an uninterrupted one ends with, the commands it ran, its stops."""
    place = tmp_path_factory.mktemp("kill")
    directory, environment = workspace(place)
    stops = killed_at(-1, directory, url, environment)
    commands = (place / "commands.log").read_text().splitlines()
    found = outcome(directory)
    assert {f".temp/completed/checklist-{name}.md" for name in IDS} <= found.keys()
    assert not [name for name in found if name.startswith(".temp/") and "/completed/" not in name]
    return place, found, commands, stops


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.proof) for part in range(1, PARTS))])
def test_killed_around_each_journal_line_and_resumed_the_demo_ends_byte_for_byte_the_same(
    part: int, uninterrupted: tuple[Path, dict[str, str], list[str], int], url: str
) -> None:
    place, expected, commands, stops = uninterrupted
    assert stops > 100
    for stop in range(1 + part, stops + 1, PARTS):
        directory, environment = workspace(place)
        killed_at(stop, directory, url, environment)
        pid = forked(lambda at=directory, env=environment: play(at, url, Disk(), env))
        assert os.waitpid(pid, 0)[1] == 0, f"not resumed after stop {stop}"
        assert outcome(directory) == expected, f"killed at stop {stop}"
        assert (place / "commands.log").read_text().splitlines() == commands, f"killed at stop {stop}"
