"""A person's screen: text of agents and files made harmless before it gets there, and cut to fit."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
import unicodedata
from datetime import UTC, datetime
from typing import Any

import click

_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)

_PARSER = re.compile(r"[^:]*: line (\d+) column \d+ \(char \d+\)")
_PROCESS = re.compile(r"(pid \d+) \(started \S+, boot \S+\)")


def plain(text: str) -> str:
    """The text with every character that steers a terminal, or hides, as something visible. Lines stay lines."""
    return _UNSAFE.sub(_visible, text.replace("\r\n", "\n"))


def line(text: str) -> str:
    """The same as one line."""
    return plain(" ".join(text.split()))


def quoted(word: str) -> str:
    """A word for a person to paste at a shell: on one line and harmless, whatever is in it."""
    return shlex.quote(word) if word.isprintable() else f"$'{repr(chr(34) + word)[2:-1]}'"


def allowing(command: str) -> str:
    """The option that lets a command run unasked."""
    return f"--allow {quoted(f'Bash({command})')}"


def who(holder: str) -> str:
    """Who works on a task, without what only a machine compares: `pid 7 on vm`."""
    return _PROCESS.sub(r"\1", holder)


def phrase(problem: str) -> str:
    """Why a file cannot be read, in a person's words where a parser spoke."""
    if found := _PARSER.fullmatch(problem):
        return f"not valid JSON, line {found[1]}"
    return "not UTF-8 text" if problem.startswith("'utf-8' codec") else problem


def _visible(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else f"<U+{code:04X}>"


def fit(text: str, columns: int) -> str:
    """One harmless line of at most so many columns."""
    text = line(text)
    if measure(text) <= columns:
        return text
    while text and measure(text) >= columns:
        text = text[: max(columns - 1, 0)] if len(text) > columns else text[:-1]
    return text.rstrip() + "…"


def measure(text: str) -> int:
    """The columns a line takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def columns() -> int:
    """The width to write for: the terminal's, within reason."""
    return max(40, min(shutil.get_terminal_size((100, 24)).columns, 120))


def interactive() -> bool:
    """True when there is a person to ask."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def complain(message: str) -> None:
    """One line on standard error, in place of a line that waits or the echo of Ctrl-C."""
    if sys.stderr.isatty():
        click.echo("\r" if os.environ.get("NO_COLOR") else "\r\x1b[K", nl=False, err=True)
    click.echo(f"orchestrator: {plain(who(' '.join(message.splitlines())))}", err=True)


def title(text: str) -> None:
    click.echo("\n" + click.style(text, bold=True))


def dim(text: str) -> str:
    return click.style(text, dim=True)


def print_json(value: Any) -> None:
    """One JSON document, in ASCII: what is in it can steer no terminal."""
    click.echo(json.dumps(value, indent=2))


def thousands(number: int) -> str:
    """12,345 as 12k"""
    return f"{number / 1000:.0f}k" if number >= 1000 else str(number)


def dollars(amount: float) -> str:
    """$1.23; of less than ten cents more places."""
    return f"${amount:.4f}" if 0 < amount < 0.1 else f"${amount:.2f}"


def age(moment: str) -> str:
    """How long ago an ISO 8601 time was: `5 min ago`; empty for what is no time."""
    try:
        then = datetime.fromisoformat(moment)
    except ValueError:
        return ""
    seconds = (datetime.now(UTC) - then.astimezone(UTC)).total_seconds()
    if seconds < 60:
        return "just now"
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            number = int(seconds // size)
            return f"{number} {unit.removesuffix('s') if number == 1 else unit} ago"
    return ""
