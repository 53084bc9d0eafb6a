"""Bash: a shell command, under a wrapper that outlives its owner."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
from pathlib import Path

from pydantic import Field

from orchestrator import process, traces
from orchestrator.events import DirectoryChanged, Intent
from orchestrator.evidence import WORKSPACE
from orchestrator.process import Ending
from orchestrator.tools.tool import Tool, ToolInput, ToolResult, Workplace
from orchestrator.workspace import mistake

LONGEST = 30_000
_MEANT = re.compile(rf"(?<![\w.~/-]){WORKSPACE}(?![\w.-])")
"""The workspace as definitions call it, which the shell does not know."""


class BashInput(ToolInput):
    """Run a shell command in the workspace.

    The working directory persists between calls, nothing else of the shell does. Output over 30,000 characters is
    shortened in the middle. What the command leaves in the background ends with it. Prefer Read, Write and Edit for
    files: their receipts say exactly what was done. Where instructions say `/workspace/a.js`, a command must say
    `a.js` from the workspace: the shell knows real paths only.
    """

    command: str = Field(description="The command, for bash")
    timeout: int = Field(default=120_000, ge=1, le=600_000, description="Limit in milliseconds, at most 600000")
    description: str | None = Field(default=None, description="What it does, in a few words, for people who watch")
    run_in_background: bool = Field(default=False, description="Not available: every command is waited for")


class Bash:
    name = "Bash"
    input: type[ToolInput] = BashInput
    effectful = True
    waits = False

    def intent(self, call: str, given: BashInput, place: Workplace, overlay: dict[str, bytes | None]) -> Intent:
        return Intent(call=call, tool=self.name, command=given.command)

    async def run(self, call: str, given: BashInput, place: Workplace) -> ToolResult:
        if given.run_in_background:
            raise mistake("run_in_background is not available here: run the command and wait for it.")
        if not await place.permit(given.command):
            return ToolResult(
                "Permission to use Bash with this command was refused. It did not run. "
                "Find another way, or raise a blocker with Sync.",
                outcome="refused",
                command=given.command,
            )
        if not (seconds := place.seconds(given.timeout / 1000)):
            return ToolResult("The time of the task is over. It did not run.", outcome="refused", command=given.command)
        try:
            folder, directory = await asyncio.to_thread(_prepare, call, given, place)
            command = process.Command(
                folder,
                (*process.SHELL, given.command),
                directory,
                {**place.environment, "BASH_ENV": str(folder / "bash_env")},
                seconds,
            )
            fate = await process.run(command)
        except OSError as error:
            raise mistake(f"The command could not be started: {error.strerror}. It did not run.") from error
        if fate == "never started":
            raise mistake("The command could not be started. It did not run.")
        return await asyncio.to_thread(_result, folder, given, place, fate, seconds)

    async def settle(self, intent: Intent, given: BashInput, place: Workplace) -> ToolResult:
        folder = process.folder(place.commands, intent.call)
        fate = await process.settle(folder)
        if fate == "never started":
            return await self.run(intent.call, given, place)
        return await asyncio.to_thread(_result, folder, given, place, fate, given.timeout / 1000)


def _prepare(call: str, given: BashInput, place: Workplace) -> tuple[Path, Path]:
    """The call's folder, holding what the workspace was before and how the shell tells where it ended."""
    folder = process.fresh(place.commands, call)
    if _MEANT.search(given.command) and not Path(WORKSPACE).exists():
        traces.put(folder / "astray", "")
    traces.begin(folder, place.workspace, place.temp, place.contents.keep)
    note = f"{{ pwd -P >{shlex.quote(str(folder / 'directory'))}; }} 2>/dev/null"
    traces.put(folder / "bash_env", f"unset BASH_ENV; trap {shlex.quote(note)} EXIT\n")
    directory = place.workspace / place.task.directory
    return folder, directory if directory.is_dir() else place.workspace


def _result(folder: Path, given: BashInput, place: Workplace, fate: process.Fate, limit: float) -> ToolResult:
    apart = place.worktree is not None
    files = tuple(traces.record(folder, place.workspace, place.temp, place.contents.keep, apart=apart))
    if not isinstance(fate, Ending):
        return ToolResult(
            "The outcome of this command is unknown: it was started, and nothing recorded how it ended. "
            "It was not run again. Look at what it did before repeating it.",
            outcome="unknown",
            command=given.command,
            files=files,
        )
    text, output = _bounded(fate.output, place)
    lines = [f"Exit code {fate.exit_code}"] if fate.exit_code or fate.reason else []
    lines += [_reasons(limit)[fate.reason]] if fate.reason else []
    lines += [text] if text else []
    directory, note = _directory(folder, place)
    if (folder / "astray").exists():  # whatever came of it: it may have made one
        note = [f"There is no {WORKSPACE} for a command: write {place.workspace.resolve()} in its place", *note]
    return ToolResult(
        "\n".join([*(lines or ["(Bash completed with no output)"]), *note]),
        outcome="error" if fate.exit_code or fate.reason else "ok",
        events=() if directory == place.task.directory else (DirectoryChanged(path=directory),),
        command=given.command,
        exit_code=fate.exit_code,
        files=files,
        output=output,
    )


def _reasons(limit: float) -> dict[str, str]:
    minutes, seconds = divmod(round(limit, 1), 60)
    words = f"{minutes:g}m {seconds:g}s" if minutes else f"{seconds:g}s"
    return {
        "timed out": f"Command timed out after {words}",
        "stopped": "Command was stopped before it ended",
        "too much output": "Command was stopped: it wrote more than 64 MiB",
    }


def _bounded(data: bytes, place: Workplace) -> tuple[str, str | None]:
    """The output for the model, and the digest under which the whole is kept when that is not all of it."""
    text = data.decode("utf-8", "replace").rstrip()
    if len(text) <= LONGEST:
        return text, None
    kept, half = place.keep(data), LONGEST // 2
    left_out = f"[{len(text) - LONGEST} characters left out; the whole output is kept as {kept}]"
    return f"{text[:half]}\n{left_out}\n{text[-half:]}", kept


def _directory(folder: Path, place: Workplace) -> tuple[str, list[str]]:
    """Where the next command starts, relative to the workspace, and what to say when that is not where this ended."""
    try:
        ended = Path(os.fsdecode((folder / "directory").read_bytes().removesuffix(b"\n")))
    except FileNotFoundError:
        return place.task.directory, []
    root = place.workspace.resolve()
    if not ended.is_relative_to(root):
        return ".", [f"Shell cwd was reset to {root}"]
    return ended.relative_to(root).as_posix(), []


TOOL: Tool = Bash()
