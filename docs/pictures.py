"""Draws the pictures of a team at work: `pip install '.[docs]' && python docs/pictures.py`

`orchestrator demo --team` plays until half-way, where one agent waits for its model and another one for a person who
permits its command, for good. Beside it `orchestrator watch` runs at a terminal of its own: what stands there becomes
`pictures/watch.svg`, and what `orchestrator graph` draws becomes `pictures/graph.svg`.
"""

from __future__ import annotations

import asyncio
import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
import time
from dataclasses import replace
from pathlib import Path

import anthropic
from rich.console import Console
from rich.text import Text

from orchestrator import demo
from orchestrator.models.messages import MessagesApi
from orchestrator.task import Task
from orchestrator.testing import Screenplay, ScriptedServer
from orchestrator.testing.screenplay import Fault

PICTURES = Path(__file__).parent / "pictures"
COLUMNS, ROWS, SHOWN = 100, 30, 22
IDS = ("K7Q2MX", "M4T9WC", "P6R3DZ", "T2H8VN", "W5J7QB", "B9L4FS", "G3Y6KE")
"""What tasks are called in the pictures, in the order in which they are given away."""
THINKS, TURN, RUNS = "reviewer", 3, "test-writer"
"""Who never has its answer, to which question; and whose command nobody permits."""
HALF = re.compile(rf"(?s){RUNS} +Bash .*{THINKS} +asks the model +[4-9]s.*· {TURN - 1} turns")
WITHIN = 120
"""Seconds until it is half-way."""
_CODES = re.compile(r"\r|\n|\x1b\[(?P<up>\d*)A|(?P<erase>\x1b\[[KJ])|(?P<text>(?:\x1b\[[\d;]*m|[^\x1b\r\n])+)")
_FORMAT = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">
<style>
{styles}
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: \
{char_height}px; line-height: {line_height}px; }}
.{unique_id}-title {{ font-family: sans-serif; font-size: 18px; font-weight: bold; }}
</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g></g></svg>
"""
"""As Rich's, without the fonts that it fetches."""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        clinic = Path(folder).resolve() / "clinic"
        demo.prepare(clinic)
        (clinic / ".temp").mkdir()
        with Watch(clinic) as watch, subprocess.Popen([sys.executable, __file__, str(clinic)]) as played:
            try:
                watch.until(HALF)
                drawn = subprocess.run(
                    ["orchestrator", "graph", "--svg"], cwd=clinic, stdout=subprocess.PIPE, check=True
                )
            finally:
                played.kill()
        rows = [_anywhere(row, clinic) for row in watch.rows[-SHOWN:]]
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / "watch.svg").write_text(picture(rows), "utf-8")
    (PICTURES / "graph.svg").write_bytes(drawn.stdout)


def play(clinic: Path) -> None:
    """Half of the demo; does not return."""
    ids = iter(IDS)
    with ScriptedServer(half(demo.screenplay(demo.TEAM))) as server:
        client = anthropic.AsyncAnthropic(api_key="scripted", base_url=server.url)
        demo.run(clinic, demo.TEAM, model=lambda: MessagesApi(client), permit=permit, ids=lambda: next(ids))


def half(whole: Screenplay) -> Screenplay:
    """The play with an answer that comes to no end."""
    stall = Fault(status=None, stream="stall", retry_after=None, times=None)
    actors = {actor.name: actor for actor in whole.actors}
    turns = list(actors[THINKS].turns)
    turns[TURN - 1] = replace(turns[TURN - 1], fault=stall)
    actors[THINKS] = replace(actors[THINKS], turns=tuple(turns))
    return replace(whole, actors=tuple(actors.values()))


async def permit(task: Task, command: str) -> bool:
    if task.agent == RUNS:
        await asyncio.Event().wait()
    return True


class Watch:
    """`orchestrator watch` at a terminal, and the rows that stand there, with their colours."""

    def __init__(self, clinic: Path) -> None:
        self.rows = [""]
        self._row = 0
        self._fresh = True
        self._terminal, screen = pty.openpty()
        fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color"}
        self._process = subprocess.Popen(
            ["orchestrator", "watch", "--text"], cwd=clinic, stdin=screen, stdout=screen, stderr=screen, env=environment
        )
        os.close(screen)

    def __enter__(self) -> Watch:
        self.until(re.compile("no open tasks"))
        return self

    def __exit__(self, *ended: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._terminal)

    def until(self, pattern: re.Pattern[str]) -> None:
        """Read on until this stands there."""
        end = time.monotonic() + WITHIN
        while not pattern.search(re.sub(r"\x1b\[[\d;]*m", "", "\n".join(self.rows))):
            if time.monotonic() > end:
                raise TimeoutError("\n".join(self.rows))
            self._take(os.read(self._terminal, 65536).decode("utf-8", "replace"))

    def _take(self, written: str) -> None:
        """As a terminal does with all that a footer uses: rows are written from their beginning on."""
        for code in _CODES.finditer(written):
            if code["text"]:
                self.rows[self._row] = ("" if self._fresh else self.rows[self._row]) + code["text"]
                self._fresh = False
            elif code["erase"] and code["erase"].endswith("J"):
                del self.rows[self._row + 1 :]
                self.rows[self._row] = "" if self._fresh else self.rows[self._row]
            elif code[0] == "\n":
                self._row += 1
                self.rows += [""] * (self._row == len(self.rows))
                self._fresh = True
            elif code["up"] is not None:
                self._row -= int(code["up"] or 1)
            self._fresh = self._fresh or code[0] == "\r"


def picture(rows: list[str]) -> str:
    """The terminal as SVG."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="standard")
    for row in rows:
        console.print(Text.from_ansi(row), no_wrap=True, crop=True, highlight=False)
    svg = console.export_svg(title="orchestrator watch --text", code_format=_FORMAT, unique_id="watch")
    return re.sub(r"(?m)[ \t]+$", "", svg)


def _anywhere(row: str, clinic: Path) -> str:
    """Without what is so on one machine only."""
    return re.sub(r"pid \d+ on \S+", "pid 4711 on laptop", row.replace(str(clinic), "/home/me/clinic"))


if __name__ == "__main__":
    play(Path(sys.argv[1])) if sys.argv[1:] else main()
