"""Read: a file's lines, numbered."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import PurePath
from typing import Any

from pydantic import Field

from orchestrator import workspace
from orchestrator.events import FileChange, Intent
from orchestrator.tools.tool import Tool, ToolInput, ToolResult, Workplace
from orchestrator.workspace import digest, mistake

LONGEST = 100_000
KEPT = 256 * 1024
"""Bytes of a file up to which what was read is kept: to say what has changed since, when the agent wants to write."""


class ReadInput(ToolInput):
    """Read a text file of the workspace. Each line comes with its number and a tab.

    Documents of other tasks in `.temp/` may be read too. What was read may then be written and edited.
    """

    file_path: str = Field(description="The file, absolute or relative to the workspace")
    offset: int | None = Field(default=None, ge=0, description="The line to start at, from 1; for large files")
    limit: int | None = Field(default=None, ge=1, description="How many lines to read; for large files")


class Read:
    name = "Read"
    input: type[ToolInput] = ReadInput
    effectful = False
    waits = False

    def intent(self, call: str, given: Any, place: Workplace, overlay: dict[str, bytes | None]) -> Intent:
        return Intent(call=call, tool=self.name)

    async def run(self, call: str, given: ReadInput, place: Workplace) -> ToolResult:
        return await asyncio.to_thread(_read, given, place)

    async def settle(self, intent: Intent, given: ReadInput, place: Workplace) -> ToolResult:
        return await self.run(intent.call, given, place)


def _read(given: ReadInput, place: Workplace) -> ToolResult:
    file = workspace.locate(place.workspace, place.temp, given.file_path)
    data = file.read()
    if data is None:
        raise file.absent()
    if b"\0" in data:
        suffix = PurePath(file.path).suffix
        raise mistake(
            "This tool cannot read binary files. The file appears to be a binary "
            f"{suffix + ' ' if suffix else ''}file. Use a skill for this file type if one is available, or a shell "
            "command or script that can read the format."
        )
    if len(data) <= KEPT:
        with suppress(OSError):  # only a refusal says less then
            place.contents.keep(data)
    change = FileChange(path=file.path, before=digest(data), after=digest(data))
    return ToolResult(_shown(data.decode("utf-8-sig", "replace"), given), files=(change,))


def _shown(text: str, given: ReadInput) -> str:
    if not text:
        return _reminder("the file exists but the contents are empty.")
    lines = text.split("\n")
    start = max(given.offset or 1, 1)
    if start > len(lines):
        return _reminder(
            f"the file exists but is shorter than the provided offset ({start}). The file has {len(lines)} lines."
        )
    end = len(lines) if given.limit is None else start - 1 + given.limit
    chosen = enumerate((line.removesuffix("\r") for line in lines[start - 1 : end]), start)
    shown = "\n".join(f"{number}\t{line}" for number, line in chosen)
    if len(shown) > LONGEST:
        raise mistake(
            f"File content ({len(shown)} characters) exceeds maximum allowed size ({LONGEST} characters). Use offset "
            "and limit parameters to read specific portions of the file, or search for specific content instead of "
            "reading the whole file."
        )
    return shown


def _reminder(warning: str) -> str:
    return f"<system-reminder>Warning: {warning}</system-reminder>"


TOOL: Tool = Read()
