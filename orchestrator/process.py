"""Commands that outlive a killed owner: each runs under `wrapper.py`, in a folder that tells afterwards what became
of it.

    lock      held by the wrapper for its life; the owner takes it first, the wrapper inherits it locked; a byte in it:
              a command of another task ran between the making of the folder and now
    started   the wrapper's process id, durable before the command is launched
    output    what the command wrote, both streams in order
    stop      made by whoever wants it to end, and is not its owner; the wrapper takes it away, and ends it
    status    its end: exit code, and why it was ended when it was

Lock held: it runs. `status`: it ended. Neither, but `started`: nobody knows. None of them: it never ran.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from orchestrator import files
from orchestrator.locks import is_locked

SHELL = ("/bin/bash", "-c")
LARGEST_OUTPUT = 64 * 1024 * 1024
_WRAPPER = Path(__file__).with_name("wrapper.py")


@dataclass(frozen=True)
class Command:
    """What to run. `folder` comes from `fresh`; `seconds` is the limit, kept even when the owner is gone."""

    folder: Path
    arguments: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str]
    seconds: float


@dataclass(frozen=True)
class Ending:
    """How a command ended. `reason`: why it was ended before its time; `output`: at most the first 64 MiB."""

    exit_code: int
    reason: Literal["stopped", "timed out", "too much output"] | None
    output: bytes


Fate = Ending | Literal["unknown", "never started"]


def folder(commands: Path, call: str) -> Path:
    """The folder of a call's command."""
    plain = re.fullmatch(r"[A-Za-z0-9_-]{1,100}", call)
    return commands / (call if plain else hashlib.sha256(call.encode("utf-8", "replace")).hexdigest())


def fresh(commands: Path, call: str) -> Path:
    """The same folder, new and empty."""
    path = folder(commands, call)
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True, mode=0o700)
    lock = path / "lock"
    lock.touch(mode=0o600)  # from here on whoever starts a command marks it; those that run already it has to ask
    if any(is_locked(other) for other in _others(path)):
        _mark(lock)
    return path


def forget(commands: Path, call: str) -> None:
    """Remove the folder: only once the call's result is durable, or a resumed task would run the command again."""
    shutil.rmtree(folder(commands, call), ignore_errors=True)


def shared(folder: Path) -> bool:
    """True when commands of other tasks, of any process, ran since the folder was made: one cannot tell whose a change
    of the workspace is."""
    return files.read(folder / "lock") != b""


def last_sign(folder: Path) -> int:
    """Until when it ran for certain, in nanoseconds: its end, or where nobody knows that, what it wrote last."""
    for name in ("status", "output"):
        with suppress(FileNotFoundError):
            return (folder / name).stat().st_mtime_ns
    return 0


async def run(command: Command) -> Fate:
    """Run it to its end. Cancelled: its whole group is killed and its status left before CancelledError goes on.

    Raises OSError when the wrapper cannot be started at all.
    """
    wrapper = _launch(command)
    await _outlast(wrapper.wait, wrapper.terminate)
    return _fate(command.folder)


async def settle(folder: Path) -> Fate:
    """What became of a command whose owner died; waits for it while it runs. Cancelled: as `run`."""
    if (folder / "lock").exists():
        await _outlast(lambda: _wait_for_lock(folder), lambda: end(folder))
    return _fate(folder)


def end(folder: Path) -> None:
    """Have a command end whose owner died, and leave its status; its wrapper does that within moments.

    It is told by name of a file and not of a process: what has the wrapper's id once it is gone is never hit.
    """
    with suppress(FileNotFoundError):  # it is over, and forgotten
        (folder / "stop").touch(mode=0o600)


def _launch(command: Command) -> subprocess.Popen[bytes]:
    lock = os.open(command.folder / "lock", os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)  # nobody has it for longer than it takes to ask
        for other in _others(command.folder):
            _mark(other)
        return subprocess.Popen(
            [
                *(sys.executable, "-I", "-S", str(_WRAPPER)),
                *(str(command.folder), str(lock), str(command.seconds), str(LARGEST_OUTPUT)),
                *command.arguments,
            ],
            cwd=command.directory,
            env=dict(command.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(lock,),
            start_new_session=True,
        )
    finally:
        os.close(lock)


def _others(folder: Path) -> Iterator[Path]:
    """The locks of other tasks' commands, whether these run, or are about to, or ended and are not recorded yet."""
    return (call / "lock" for call in folder.parent.parent.glob("*/*") if call.parent != folder.parent)


def _mark(lock: Path) -> None:
    with suppress(FileNotFoundError, NotADirectoryError):  # it was forgotten meanwhile; no folder of a command
        descriptor = os.open(lock, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            os.pwrite(descriptor, b"s", 0)
        finally:
            os.close(descriptor)


async def _outlast(wait: Callable[[], object], stop: Callable[[], None]) -> None:
    """Wait in a thread of its own (the shared ones would run out); cancelled: `stop`, and wait for the end all the
    same."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        waiting = asyncio.get_running_loop().run_in_executor(thread, wait)
        try:
            await asyncio.shield(waiting)
        except asyncio.CancelledError:
            stop()
            await waiting
            raise


def _wait_for_lock(folder: Path) -> None:
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
    finally:
        os.close(lock)


def _fate(folder: Path) -> Fate:
    try:
        status = json.loads((folder / "status").read_bytes())
        with (folder / "output").open("rb") as file:
            return Ending(status["exit_code"], status["reason"], file.read(LARGEST_OUTPUT))
    except (FileNotFoundError, ValueError):  # ValueError: written just before a power loss, and torn
        return "unknown" if (folder / "started").exists() else "never started"
