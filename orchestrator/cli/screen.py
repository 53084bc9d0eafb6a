"""A person's screen: text of agents and files made harmless before it gets there, and cut to fit."""

from __future__ import annotations

import json
import re
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


def plain(text: str) -> str:
    """The text with every character that steers a terminal, or hides, as something visible. Lines stay lines."""
    return _UNSAFE.sub(_visible, text.replace("\r\n", "\n"))


def line(text: str) -> str:
    """The same as one line."""
    return plain(" ".join(text.split()))


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
    """One line on standard error."""
    click.echo(f"orchestrator: {line(message)}", err=True)


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
