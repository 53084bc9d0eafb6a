"""A document as text: its lines, and where in it something stands."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from orchestrator import files
from orchestrator.check.finding import Witness
from orchestrator.documents.status_json import load, salvage
from orchestrator.events import Json

LARGEST = 8 * 1024 * 1024
"""Bytes. No document that anybody keeps is larger; nothing of a larger file is looked at."""
_SPACE = re.compile(r"[ \t\r\n]*")
_FENCED = re.compile(r"^[ \t]*(`{3,}|~{3,})[^\n]*\n.*?(?:^[ \t]*\1[`~]*[ \t]*\r?$|\Z)", re.MULTILINE | re.DOTALL)
_DECODER = json.JSONDecoder()


class Text:
    """One file. `problem`: why it cannot be read; its content is empty then, or what could be salvaged."""

    def __init__(self, shown: str, content: str, problem: str | None = None) -> None:
        self.shown = shown
        self.content = content
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
        return Text(shown, data.decode("utf-8-sig", "replace"))

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
        """The place of a character of the content; of the prose when that is the same line."""
        return Witness(self.shown, self.content.count("\n", 0, offset) + 1)

    def at_prose(self, offset: int) -> Witness:
        return Witness(self.shown, self.prose.count("\n", 0, offset) + 1)

    def at_line(self, number: int) -> Witness:
        """`number` counts from 0."""
        return Witness(self.shown, number + 1)


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
        except json.JSONDecodeError as error:
            self.broken = Witness(self.text.shown, error.lineno)
            follows = error.msg == "Extra data"
            self.problem = "something follows the end of the JSON" if follows else f"it is not JSON ({error.msg})"
        except (ValueError, RecursionError) as error:
            self.problem = str(error)
        self.data = salvage(self.text.content) or {}

    def rows(self, key: str) -> list[tuple[int | str, Json]]:
        """The objects of a top-level list, or of an object, each with its place in it."""
        value = self.data.get(key)
        places = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
        return [(place, row) for place, row in places if isinstance(row, dict)]

    def at(self, *path: str | int) -> Witness:
        """The place of the value that keys and indexes lead to; as near to it as the text goes."""
        return self.text.at(self._offset(path))

    def _offset(self, path: Sequence[str | int]) -> int:
        content = self.text.content
        place = _skip(content, 0)
        for step in path:
            try:
                found = _enter(content, place, step)
            except (ValueError, IndexError, RecursionError):  # beyond where it can be read
                return place
            if found is None:
                return place
            place = found
        return place


def _skip(content: str, place: int) -> int:
    match = _SPACE.match(content, place)
    return match.end() if match else place


def _enter(content: str, place: int, step: str | int) -> int | None:
    """Where the value begins that is under this key, or at this index; None where there is none."""
    index = 0
    closing = "}" if content[place] == "{" else "]"
    if content[place] not in "{[":
        return None
    place = _skip(content, place + 1)
    while content[place] != closing:
        key: str | int = index
        if closing == "}":
            key, place = _DECODER.raw_decode(content, place)
            place = _skip(content, _skip(content, place) + 1)
        if key == step:
            return place
        _, place = _DECODER.raw_decode(content, place)
        place = _skip(content, place)
        if content[place] == ",":
            place = _skip(content, place + 1)
        index += 1
    return None
