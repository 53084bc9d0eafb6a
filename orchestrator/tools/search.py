"""What Glob and Grep share: ripgrep, run on a part of the workspace."""

from __future__ import annotations

import asyncio
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from orchestrator import workspace
from orchestrator.errors import ToolError
from orchestrator.events import Intent
from orchestrator.tools.tool import ToolInput, ToolResult, Workplace
from orchestrator.workspace import PRIVATE, File, mistake

LARGEST = 16 * 1024 * 1024


class Search(ABC):
    """A tool that only looks, so that an interrupted call is made again.

    Its receipts name no files: to have seen a file's name, or some of its lines, is not to have read it, and Write
    and evidence go by what receipts name.
    """

    name: str
    input: type[ToolInput]
    effectful = False
    waits = False

    def __init__(self, seconds: float = 20) -> None:
        """A search is ended after so many seconds."""
        self.seconds = seconds

    def intent(self, call: str, given: Any, place: Workplace, overlay: dict[str, bytes | None]) -> Intent:
        return Intent(call=call, tool=self.name)

    @abstractmethod
    async def run(self, call: str, given: Any, place: Workplace) -> ToolResult: ...

    async def settle(self, intent: Intent, given: Any, place: Workplace) -> ToolResult:
        return await self.run(intent.call, given, place)


def start(kind: str, given: str | None, place: Workplace) -> File:
    """Where to search: the path given, else where the next command would run. ToolError when there is no such path."""
    root = place.workspace.resolve()
    working = root / place.task.directory
    working = working if working.is_dir() else root
    file = workspace.locate(place.workspace, place.temp, str(working) if given is None else given)
    if not os.path.exists(root / file.path):
        here = working if file.called is None else file.called / working.relative_to(root)
        raise ToolError(f"{kind} does not exist: {given}. Note: your current working directory is {here}.")
    return file


async def ripgrep(
    place: Workplace,
    directory: Path,
    options: Iterable[str],
    target: Sequence[str] = (),
    *,
    seconds: float,
    lines: int | None = None,
) -> bytes:
    """What ripgrep writes when it runs in the directory, but for the engine's own files.

    It is ended after these seconds and when the call is cancelled; once it wrote `lines` whole lines, the rest is not
    waited for. Raises ToolError when it cannot be run, rejects what it was given, takes too long or finds too much.
    """
    process = await _launch(place, directory, [*options, *_closed(place, directory), "--", *target])
    assert process.stderr is not None
    try:
        async with asyncio.timeout(seconds):
            (output, cut), complaint = await asyncio.gather(_read(process, lines), process.stderr.read())
            code = await process.wait()
    except TimeoutError as error:
        raise mistake(f"The search took more than {seconds:g} seconds. {_NARROWER}") from error
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
        await process.communicate()
    if len(output) > LARGEST:
        raise mistake(f"The search found more than {LARGEST} bytes. {_NARROWER}")
    if cut or code in (0, 1) or (code == 2 and not complaint):  # 2 in silence: some file could not be read
        return output
    said = complaint.decode("utf-8", "replace").rstrip()
    if code == 2:
        text = f"ripgrep rejected the pattern, glob, or file type without searching:\n{said}"
        raise ToolError(f"Search failed — {text}")
    raise mistake(f"Search failed: ripgrep ended with {code}. {said}".rstrip())


def by_age(root: Path, names: Iterable[bytes]) -> list[str]:
    """The files as text, the one changed last at the end."""
    rows = sorted((_modified(root / os.fsdecode(name)), name) for name in names)
    return [name.decode("utf-8", "replace") for _, name in rows]


_NARROWER = "Search a part of the workspace with `path`, or for something more specific."


async def _launch(place: Workplace, directory: Path, arguments: Sequence[str]) -> asyncio.subprocess.Process:
    program = shutil.which("rg", path=place.environment.get("PATH", os.defpath))
    if program is None:
        raise ToolError(
            "ripgrep is missing: there is no `rg` on the PATH, and Glob and Grep need it. Search with Bash instead. "
            "A person can install it: the system's package `ripgrep`, or `pip install ripgrep==14.1.0`."
        )
    try:
        return await asyncio.create_subprocess_exec(
            *(program, "--no-config", "--hidden", "--no-messages", "--color=never", *arguments),
            cwd=directory,
            env=dict(place.environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL in an argument
        raise mistake(f"The search could not be started: {error}.") from error


def _closed(place: Workplace, directory: Path) -> list[str]:
    """The engine's own folder left out, after all other globs: the last one that fits decides."""
    private = place.temp.resolve() / PRIVATE
    return ["--glob", f"!/{private.relative_to(directory)}"] if private.is_relative_to(directory) else []


async def _read(process: asyncio.subprocess.Process, lines: int | None) -> tuple[bytes, bool]:
    """What it wrote, and whether it was ended because that is enough."""
    assert process.stdout is not None
    data, found = bytearray(), 0
    while chunk := await process.stdout.read(65536):
        data += chunk
        found += chunk.count(b"\n")
        if len(data) > LARGEST or (lines is not None and found >= lines):
            with suppress(ProcessLookupError):
                process.kill()
            return bytes(data), True
    return bytes(data), False


def _modified(path: Path) -> int:
    try:
        return path.lstat().st_mtime_ns
    except OSError:  # removed meanwhile
        return 0
