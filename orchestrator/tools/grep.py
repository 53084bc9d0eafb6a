"""Grep: lines by what stands in them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Literal

from pydantic import Field

from orchestrator.tools.search import Search, by_age, ripgrep, start
from orchestrator.tools.tool import Tool, ToolInput, ToolResult, Workplace
from orchestrator.workspace import File, mistake

LONGEST = 30_000
_COUNT = re.compile(rb"([^\0]*)\0([0-9]+)\n")


class GrepInput(ToolInput):
    """Search the contents of files with ripgrep.

    What git ignores is left out, unless `path` or `glob` names the file itself; hidden files are searched. Paths are
    shown relative to the workspace, as Read takes them.
    """

    pattern: str = Field(description="A regular expression, as ripgrep knows them: literal braces need a backslash")
    path: str | None = Field(
        default=None,
        description="The file or directory to search, absolute or relative to the workspace; without it, the working "
        "directory of Bash",
    )
    glob: str | None = Field(default=None, description="Only files whose path fits, such as `*.{js,ts}` or `src/**`")
    type: str | None = Field(default=None, description="Only files of a type that ripgrep knows, such as `js` or `py`")
    output_mode: Literal["content", "files_with_matches", "count"] = Field(
        default="files_with_matches",
        description="`content`: the lines; `files_with_matches`: the files, the one changed last first; `count`: how "
        "many lines in which file",
    )
    after: int | None = Field(default=None, alias="-A", ge=0, description="Lines to show after each match, in content")
    before: int | None = Field(default=None, alias="-B", ge=0, description="Lines to show before each match")
    around: int | None = Field(default=None, alias="-C", ge=0, description="Lines to show before and after each match")
    numbers: bool = Field(default=True, alias="-n", description="Show line numbers, in content")
    ignore_case: bool = Field(default=False, alias="-i", description="Let letters fit in either case")
    head_limit: int = Field(default=250, ge=0, description="How many lines of the result to show; 0 for all")
    offset: int = Field(default=0, ge=0, description="How many lines of the result to pass over first")
    multiline: bool = Field(default=False, description="Let matches span lines, and `.` fit the end of one")


class Grep(Search):
    name = "Grep"
    input: type[ToolInput] = GrepInput

    async def run(self, call: str, given: GrepInput, place: Workplace) -> ToolResult:
        file = start("Path", given.path, place)
        target = file.root / file.path
        if not target.is_dir() and not target.is_file():
            raise mistake(f"Neither a file nor a directory: {given.path}.")
        enough = given.offset + (given.head_limit or LONGEST) + 1 if given.output_mode == "content" else None
        within = [] if file.path == "." else [file.path]
        output = await ripgrep(place, file.root, _options(given), within, seconds=self.seconds, lines=enough)
        return ToolResult(await asyncio.to_thread(_SHOWN[given.output_mode], output, given, file))


def _options(given: GrepInput) -> list[str]:
    options = [*_MODES[given.output_mode], f"--regexp={given.pattern}", "--no-require-git"]
    counts = {"--after-context": given.after, "--before-context": given.before, "--context": given.around}
    options += [f"{name}={count}" for name, count in counts.items() if count is not None]
    options += ["--line-number" if given.numbers else "--no-line-number"]
    options += ["--ignore-case"] if given.ignore_case else []
    options += ["--multiline", "--multiline-dotall"] if given.multiline else []
    options += [f"--type={given.type}"] if given.type is not None else []
    options += [f"--glob={given.glob}"] if given.glob is not None else []
    return [*options, "--glob=!.git"]


_MODES = {
    "content": ("--sort=path", "--max-columns=500", "--max-columns-preview"),
    "files_with_matches": ("--files-with-matches", "--null"),
    "count": ("--sort=path", "--count", "--with-filename", "--null"),
}


def _content(output: bytes, given: GrepInput, file: File) -> str:
    lines = output.decode("utf-8", "replace").split("\n")[:-1]
    if (file.root / file.path).is_dir():  # else no line begins with a path
        lines = [line if line == "--" else file.shown(line) for line in lines]
    page, note = _page([line.removesuffix("\r") for line in lines], given)
    return (page or "No matches found") + note


def _files(output: bytes, given: GrepInput, file: File) -> str:
    names = by_age(file.root, output.split(b"\0")[:-1])[::-1]
    page, note = _page([file.shown(name) for name in names], given)
    return (f"Found {_number(len(names), 'file')}\n{page}" if names else "No files found") + note


def _counts(output: bytes, given: GrepInput, file: File) -> str:
    rows = [(name.decode("utf-8", "replace"), int(count)) for name, count in _COUNT.findall(output)]
    page, note = _page([f"{file.shown(name)}:{count}" for name, count in rows], given)
    total = f"{_number(sum(count for _, count in rows), 'total occurrence')} across {_number(len(rows), 'file')}"
    return f"{page or 'No matches found'}\n\nFound {total}.{note}"


_SHOWN = {"content": _content, "files_with_matches": _files, "count": _counts}


def _page(lines: Sequence[str], given: GrepInput) -> tuple[str, str]:
    """The part of the result that was asked for, as far as 30,000 characters hold it, and what it is a part of."""
    rest = lines[given.offset :]
    shown = rest[: given.head_limit or None]
    fits = sum(1 for size in accumulate(len(line) + 1 for line in shown) if size <= LONGEST)
    shown = shown[: max(fits, 1)]
    parts = [f"limit: {len(shown)}"] if len(shown) < len(rest) else []
    parts += [f"offset: {given.offset}"] if given.offset else []
    note = f"\n\n[Showing results with pagination = {', '.join(parts)}]" if parts else ""
    return "\n".join(shown), note


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


TOOL: Tool = Grep()
