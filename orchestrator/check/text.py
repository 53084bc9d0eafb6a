"""A document as text: its lines, and where in it something stands."""

from __future__ import annotations

import json
import os
import re
from bisect import bisect_left
from functools import cached_property
from pathlib import Path

from orchestrator import files
from orchestrator.check.finding import Witness
from orchestrator.documents.status_json import flaw, load, salvage
from orchestrator.events import Json

LARGEST = 8 * 1024 * 1024
"""Bytes. No document that anybody keeps is larger; nothing of a larger file is looked at."""
Steps = tuple[str | int, ...]
"""Keys and indexes that lead to a value."""
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[][{}:,]|[^][{}:,"\s]+', re.DOTALL)
_FENCED = re.compile(r"^[ \t]*(`{3,}|~{3,})[^\n]*\n.*?(?:^[ \t]*\1[`~]*[ \t]*\r?$|\Z)", re.MULTILINE | re.DOTALL)


class Text:
    """One file. `whole`: with the byte-order mark it may have. `problem`: why it cannot be read; it is empty then."""

    def __init__(self, shown: str, content: str, problem: str | None = None) -> None:
        self.shown = shown
        self.whole = content
        self.content = content.removeprefix("\ufeff")
        self.problem = problem

    @staticmethod
    def read(path: str, shown: str) -> Text | None:
        """None when there is no such file. A link is followed, a FIFO is not waited for."""
        try:
            data = files.read(Path(path), follow=True)
        except OSError as error:
            return Text(shown, "", error.strerror or str(error))
        if data is None:
            return Text(shown, "", "it is a link to nothing") if os.path.islink(path) else None
        if len(data) > LARGEST:
            return Text(shown, "", f"it is larger than {LARGEST // 1024**2} MiB")
        if b"\0" in data:
            return Text(shown, "", "it is not text")
        return Text(shown, data.decode("utf-8", "replace"))

    @cached_property
    def prose(self) -> str:
        """The content with what is fenced as code taken out, each line in its place."""
        if "```" not in self.content and "~~~" not in self.content:
            return self.content
        return _FENCED.sub(lambda found: "\n" * found[0].count("\n"), self.content)

    @cached_property
    def lines(self) -> list[str]:
        """Those of the prose."""
        return [line.rstrip("\r") for line in self.prose.split("\n")]

    def at(self, offset: int) -> Witness:
        """The place of a character of the content."""
        return Witness(self.shown, bisect_left(self._ends, offset) + 1)

    def at_prose(self, offset: int) -> Witness:
        return Witness(self.shown, bisect_left(self._prose_ends, offset) + 1)

    @cached_property
    def _ends(self) -> list[int]:
        return _line_ends(self.content)

    @cached_property
    def _prose_ends(self) -> list[int]:
        return _line_ends(self.prose)

    def at_line(self, number: int) -> Witness:
        """`number` counts from 0."""
        return Witness(self.shown, number + 1)


def _line_ends(text: str) -> list[int]:
    return [found.start() for found in re.finditer("\n", text)]


class JsonText:
    """A text that is a JSON object, or should be one: of a broken one there is what could be salvaged."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self.data: Json = {}
        self.problem = text.problem
        self.broken: Witness | None = None
        """Where it stops being JSON."""
        if self.problem is None:
            self._parse()

    def _parse(self) -> None:
        try:
            self.data = load(self.text.content)
            return
        except (ValueError, RecursionError) as error:
            self.problem = flaw(error)
            if isinstance(error, json.JSONDecodeError):
                self.broken = Witness(self.text.shown, error.lineno)
        self.data = salvage(self.text.content) or {}

    def rows(self, key: str) -> list[tuple[int | str, Json]]:
        """The objects of a top-level list, or of an object, each with its place in it."""
        value = self.data.get(key)
        places = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
        return [(place, row) for place, row in places if isinstance(row, dict)]

    def at(self, *path: str | int) -> Witness:
        """The place of the value that keys and indexes lead to; as near to it as the text goes."""
        near = next((path[:size] for size in range(len(path), 0, -1) if path[:size] in self._places), ())
        return self.text.at(self._places.get(near, 0))

    @cached_property
    def _places(self) -> dict[Steps, int]:
        return _places(self.text.content)


def _places(content: str) -> dict[Steps, int]:
    """Where each value of the first object begins, by the keys and indexes that lead to it.

    Read as `salvage` reads: commas and brackets may be amiss, and of a key that is there twice the last one counts.
    """
    found: dict[Steps, int] = {}
    inside: list[str] = []
    path: list[str | int | None] = []  # None where the next text is a key
    for token in _TOKEN.finditer(content):
        word = token[0]
        if word in "}]":
            del inside[-1:], path[-1:]
            if not inside:
                break
        elif word == ",":
            step = path[-1] if path else None
            path[-1:] = [step + 1 if isinstance(step, int) else None]
        elif path and path[-1] is None and word not in ":{[":
            path[-1] = _text(word)
        elif word != ":":
            found[tuple(step for step in path if step is not None)] = token.start()
            if word in "{[":
                inside.append(word)
                path.append(0 if word == "[" else None)
    return found


def _text(word: str) -> str:
    """What a JSON string says, as far as it is one."""
    try:
        return str(json.loads(word, strict=False)) if "\\" in word else word.strip('"')
    except ValueError:
        return word
