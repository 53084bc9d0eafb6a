"""The demo in a process that is killed: around a journal line, or at any moment."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import anthropic  # noqa: F401  children are forked from a process that has it
from anthropic import AsyncAnthropic

from orchestrator import demo
from orchestrator.events import Usage
from orchestrator.files import Disk
from orchestrator.models.messages import MessagesApi

Result = TypeVar("Result")
Play = Callable[[Disk], object]
"""Plays the demo on that disk, from wherever an earlier run was left."""


class ReportingDisk(Disk):
    """Stops before each journal line is written and after it is durable, until it is told to go on."""

    def __init__(self, said: int, told: int) -> None:
        self._said = said
        self._told = told

    def perform(self, operation: str, path: Path, action: Callable[[], Result]) -> Result:
        journal = path.suffix == ".jsonl"
        if journal and operation in ("append", "move_new"):
            self._stop()
        result = action()
        if journal and operation in ("fdatasync", "move_new"):
            self._stop()
        return result

    def _stop(self) -> None:
        os.write(self._said, b".")
        os.read(self._told, 1)


def model(url: str, price: Callable[[str, Usage], float | None] = lambda model, usage: 0.0) -> MessagesApi:
    return MessagesApi(AsyncAnthropic(api_key="scripted", base_url=url), price=price)


def workspace(place: Path) -> tuple[Path, dict[str, str]]:
    """A fresh clinic, and an environment whose commands are logged: node, and awk which stands in for it.

    Every run has the same absolute path, since paths are part of what agents read and say.
    """
    directory, programs, log = place / "clinic", place / "bin", place / "commands.log"
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
    return directory, {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(place)}


def commands(place: Path) -> list[str]:
    """What was run there since `workspace`."""
    return (place / "commands.log").read_text().splitlines()


def outcome(directory: Path, names: Mapping[str, str] | None = None) -> dict[str, str]:
    """Every file of the workspace and every document, normalised; not the engine's own. `names` stand for ids."""
    return {
        _named(str(path.relative_to(directory)), names or {}): _normalised(_named(path.read_text(), names or {}))
        for path in sorted(directory.rglob("*"))
        if path.is_file() and ".orchestrator" not in path.parts and path.name != "commands.log"
    }


def _named(text: str, names: Mapping[str, str]) -> str:
    return re.sub("|".join(names) or r"\b\B", lambda found: names[found[0]], text)


def _normalised(text: str) -> str:
    """What may differ between a resumed run and an uninterrupted one: revision, usage, the line that says resumed."""
    text = re.sub(r"<!-- orchestrator ([\w-]+) r\d+ sha256:\w+ -->", r"<!-- orchestrator \1 -->", text)
    text = re.sub(r"\*\*(Usage|Resumed)\*\*:.*\n", "", text)
    if text.startswith("{"):
        data = json.loads(text)
        for key in ("revision", "usage", "sync"):
            data.pop(key, None)
        text = json.dumps(data)
    return text


def forked(act: Callable[[], object]) -> int:
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


def played(play: Play) -> bool:
    """Played in a child process to its end; True when that was a good one."""
    return os.waitpid(forked(lambda: play(Disk())), 0)[1] == 0


def killed_at(stop: int, play: Play) -> int:
    """Play and kill it at that stop; returns how many stops there were until then, or until its end."""
    said_read, said = os.pipe()
    told, told_write = os.pipe()
    pid = forked(lambda: play(ReportingDisk(said, told)))
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


def killed_after(seconds: float, play: Play) -> None:
    """Play and kill it after so long, if it has not ended by then."""
    pid = forked(lambda: play(Disk()))
    time.sleep(seconds)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
