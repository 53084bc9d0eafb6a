"""A person's screen: text of agents and files made harmless before it gets there, and cut to fit."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import unicodedata
from collections.abc import Callable, Sequence
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
    return crop(line(text), columns)


def crop(row: str, columns: int) -> str:
    """A line made harmless, at most so many columns of it, with the room it leaves between words."""
    text = plain(row.expandtabs())
    return text if measure(text) <= columns else _head(text, columns - 1).rstrip() + "…"[: max(columns, 0)]


def wrap(text: str, columns: int) -> list[str]:
    """A line in rows of at most so many columns, broken between words."""
    text = plain(text.expandtabs()).rstrip()
    words = text.split()
    if measure(text) <= columns or not words:
        return [text] if text else []
    rows = [text[: len(text) - len(text.lstrip())] + words[0]]
    for word in words[1:]:
        rows[-1:] = _pieces(rows[-1], columns)
        if measure(rows[-1]) + 1 + measure(word) <= columns:
            rows[-1] += f" {word}"
        else:
            rows.append(word)
    return rows[:-1] + _pieces(rows[-1], columns)


def _pieces(row: str, columns: int) -> list[str]:
    """A row as it is, or a word too long for one, in as many as it takes.

    A word that some screen has room for stays whole: the terminal breaks it, and a path is copied as it is. Wide
    letters may be broken anywhere.
    """
    if measure(row) == len(row) <= WIDEST:
        return [row]
    pieces = []
    while measure(row) > columns and len(row) > 1:
        pieces.append(_head(row, columns) or row[:1])
        row = row[len(pieces[-1]) :]
    return [*pieces, row]


def _head(text: str, columns: int) -> str:
    """As much of the text as finds room."""
    head = text[: max(columns, 0)]
    while head and measure(head) > columns:
        head = head[:-1]
    return head


def measure(text: str) -> int:
    """The columns a line takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def columns(*, err: bool = False) -> int:
    """The width to write for: the terminal's, within reason; without one, COLUMNS or no limit."""
    if (sys.stderr if err else sys.stdout).isatty():
        return max(40, min(window(err=err).columns, WIDEST))
    given = os.environ.get("COLUMNS", "")
    return int(given) if given.isdecimal() and int(given) else UNLIMITED


WIDEST = 120
"""Columns: longer lines are hard to read."""
UNLIMITED = 1_000_000
"""Columns: what is piped is cut and wrapped by whoever reads it."""


def window(*, err: bool) -> os.terminal_size:
    """The size of the terminal that standard output, or standard error, is."""
    size = os.get_terminal_size((sys.stderr if err else sys.stdout).fileno())
    return size if size.columns else os.terminal_size((80, 24))


def escapes() -> bool:
    """False when the terminal understands no escape codes, or who sits at it wants none."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def interactive() -> bool:
    """True when there is a person to ask."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def complain(message: str) -> None:
    """One line on standard error without our secrets, in place of a line that waits or the echo of Ctrl-C."""
    if sys.stderr.isatty():
        click.echo("\r\x1b[K" if escapes() else "\r", nl=False, err=True)
    click.echo(f"orchestrator: {plain(who(' '.join(mask()(message).splitlines())))}", err=True)


def mask() -> Callable[[str], str]:
    """Takes the secrets of our environment out of a text."""
    from orchestrator.masking import Mask

    return Mask.from_environment(os.environ).text


def abandon_output() -> None:
    """Whoever read our output has left: nothing more to say to them, not even at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def title(text: str) -> None:
    click.echo("\n" + click.style(text, bold=True))


def section(heading: str, rows: Sequence[tuple[str, str]]) -> None:
    """A heading with its rows, a text's first line beside its mark and the others, dim, below; nothing when empty."""
    if not rows:
        return
    title(heading)
    widest = max(len(click.unstyle(mark)) for mark, _ in rows)
    gap = 2 + widest + (1 if widest else 0)
    for mark, text in rows:
        first, _, rest = text.partition("\n")
        lead = "  " + mark + " " * (gap - 2 - len(click.unstyle(mark)))
        for number, part in enumerate(wrap(line(first), columns() - gap) or [""]):
            click.echo((lead if number == 0 else " " * gap) + part)
        for part in wrap(line(rest), columns() - gap):
            click.echo(" " * gap + dim(part))


def dim(text: str) -> str:
    return click.style(text, dim=True)


def print_json(value: Any) -> None:
    """One JSON document, in ASCII: what is in it can steer no terminal."""
    click.echo(json.dumps(value, indent=2))


def thousands(number: int) -> str:
    """12,345 as 12k, 1,234,567 as 1.2M"""
    return f"{number / 1e6:.1f}M" if number >= 999_500 else f"{number / 1000:.0f}k" if number >= 1000 else str(number)


def count(number: int, noun: str) -> str:
    """`1 turn`, `2,000 turns`"""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def lasting(seconds: float) -> str:
    """How long something has lasted: 7s, 1m12s, 2h05m"""
    minutes, rest = divmod(int(seconds), 60)
    return (
        f"{minutes // 60}h{minutes % 60:02}m" if minutes >= 60 else f"{minutes}m{rest:02}s" if minutes else f"{rest}s"
    )


def dollars(amount: float) -> str:
    """$1.23; of less than ten cents more places."""
    return f"${amount:.4f}" if 0 < amount < 0.1 else f"${amount:.2f}"


def clock(moment: str, between: str = " ") -> str:
    """The local time of a commit: `2026-11-22 19:40:56`"""
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d{between}%H:%M:%S}"


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
