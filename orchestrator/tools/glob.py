"""Glob: files by name."""

from __future__ import annotations

import asyncio
import os
import re

from pydantic import Field

from orchestrator.tools.search import Search, by_age, ripgrep, start
from orchestrator.tools.tool import Tool, ToolInput, ToolResult, Workplace
from orchestrator.workspace import mistake

MOST = 100
_ABSOLUTE = re.compile(r"(/(?:[^/*?\[{\\]+/)*)(.*)", re.DOTALL)


class GlobInput(ToolInput):
    """Find files by name, also hidden ones and those that git ignores.

    `**` stands for any directories, `{a,b}` for either; a pattern without a slash fits in every directory. Paths are
    shown relative to the workspace, as Read takes them, the file changed last at the end; of more than 100 files the
    100 that were changed last.
    """

    pattern: str = Field(min_length=1, description="The pattern, such as `src/**/*.{js,ts}`")
    path: str | None = Field(
        default=None,
        description="The directory the pattern starts at, absolute or relative to the workspace; without it, the "
        "working directory of Bash",
    )


class Glob(Search):
    name = "Glob"
    input: type[ToolInput] = GlobInput

    async def run(self, call: str, given: GlobInput, place: Workplace) -> ToolResult:
        path, pattern = given.path, given.pattern.removeprefix("./")
        absolute = _ABSOLUTE.fullmatch(pattern)
        if absolute:
            path, pattern = absolute[1], f"/{absolute[2]}"
        file = start("Directory", path, place)
        directory = file.root / file.path
        if not directory.is_dir():
            raise mistake(f"Not a directory: {path}.")
        found = await ripgrep(
            place, directory, ["--files", "--no-ignore", "--null", "--glob", pattern], seconds=self.seconds
        )
        within = b"" if file.path == "." else os.fsencode(file.path) + b"/"
        names = await asyncio.to_thread(by_age, file.root, [within + name for name in found.split(b"\0")[:-1]])
        if not names:
            return ToolResult("No files found")
        more = f"\n(The {MOST} files changed last, of {len(names)}. Use a more specific path or pattern.)"
        return ToolResult("\n".join(map(file.shown, names[-MOST:])) + (more if len(names) > MOST else ""))


TOOL: Tool = Glob()
