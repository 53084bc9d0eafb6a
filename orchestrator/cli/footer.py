"""Rows that stay beneath the lines that scroll by, on a terminal.

Rich's Live was tried: it left fragments behind when a window became narrower, and a hidden cursor after a kill.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from os import terminal_size
from threading import Event, Lock, Thread

import click

from orchestrator.cli import screen

TICK = 1.0
"""Seconds between two looks at what the rows say now."""


class Footer:
    """What `rows(window)` gives, drawn anew each second while it is shown. Each row must fit its line.

    A row is written over the one that was there, all in one write: nothing flickers. Where a window became narrower
    its terminal has broken the old rows in two, and they are counted so. Terminals remember that, and how far a line
    was ever written, until it is erased: hence the erasing before what will stay, and after a change of width.
    """

    def __init__(self, rows: Callable[[terminal_size], Sequence[str]], *, err: bool) -> None:
        self._rows = rows
        self._err = err
        self._drawn: Sequence[str] = []
        self._columns = 0
        self._lock = Lock()
        self._over: Event | None = None

    def say(self, text: str) -> None:
        """Lines of their own, above the rows."""
        with self._lock:
            self._draw(text.split("\n"))

    def show(self) -> None:
        """The rows appear, or say at once what they say now."""
        with self._lock:
            if self._over is None:
                self._over = Event()
                Thread(target=self._tick, args=(self._over,), daemon=True).start()
            self._draw(())

    def hide(self) -> None:
        """Nothing is left of them; the cursor stands where they began."""
        with self._lock:
            if self._over is not None:
                self._over.set()
                self._over = None
                self._draw(())

    def _tick(self, over: Event) -> None:
        with suppress(OSError):  # the terminal is gone, and a signal tells the process
            while not over.wait(TICK):
                with self._lock:
                    if not over.is_set():
                        self._draw(())

    def _draw(self, above: Sequence[str]) -> None:
        window = screen.window(err=self._err)
        up = sum(max(1, -(-screen.measure(click.unstyle(row)) // window.columns)) for row in self._drawn) - 1
        rows = self._rows(window) if self._over is not None else []
        start = ("\r" if self._drawn else "") + (f"\x1b[{up}A" if up > 0 else "")
        erase = "\x1b[J" if self._drawn and (above or window.columns != self._columns) else ""
        lines = "".join(f"{line}\n" for line in above)
        if above or rows != self._drawn or erase:
            end = "\x1b[J" if self._drawn else ""
            click.echo(start + erase + lines + "\x1b[K\n".join(rows) + end, nl=False, err=self._err)
        self._drawn, self._columns = rows, window.columns
