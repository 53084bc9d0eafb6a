"""Every state that a power cut may leave of a disk.

Sure is what a sync that succeeded made sure: the data of a file, the names in a directory. Of the rest, any part may be
there: writes are torn at 512 bytes, a file may have its size without its data (then zeros, or garbage), names come in
order or in any selection. A rename is never half done within a directory; of one between two directories that is not
synced in both, the new name may be there with the old one, and an exchange be seen in one of them. What a sync that
failed was to make sure stays in doubt for ever.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SECTOR = 512
STALE = b"- [x] What a file said that is no more\n"
"""Garbage that can be read."""


@dataclass
class Change:
    """A write to a file, or (without data) its truncation, that no sync has made sure. `doubt`: none ever will."""

    offset: int
    data: bytes | None
    doubt: bool = False


@dataclass
class Node:
    """A file, or a directory. `now`: what a living system sees."""

    directory: bool = False
    now: bytes = b""
    sure: bytes = b""
    changes: list[Change] = field(default_factory=list)

    def change(self, change: Change) -> None:
        self.changes.append(change)
        self.now = changed(self.now, change)

    def sync(self, succeeded: bool) -> None:
        if not succeeded:
            for change in self.changes:
                change.doubt = True
            return
        for change in self.changes:
            if not change.doubt:
                self.sure = changed(self.sure, change)
        self.changes = [change for change in self.changes if change.doubt]


def changed(data: bytes, change: Change) -> bytes:
    if change.data is None:
        return data[: change.offset]
    return data[: change.offset].ljust(change.offset, b"\0") + change.data + data[change.offset + len(change.data) :]


Name = tuple[int, str]
"""A directory's number, and a name in it."""


@dataclass(eq=False)
class Half:
    """A name that an operation gave to a file, or took away. `follows`: a name taken away because another was given."""

    name: Name
    node: int | None
    follows: Half | None = None
    doubt: bool = False


State = dict[str, tuple[int, bytes | None]]
"""What a disk holds by path: the number of the file, which may have two names, and its bytes, None for a directory."""


class Model:
    """A disk: what is sure, and what is not yet."""

    def __init__(self, folder: Path) -> None:
        self.nodes: dict[int, Node] = {0: Node(directory=True)}
        self.now: dict[Name, int] = {}
        self.sure: dict[Name, int] = {}
        self.steps: list[list[Half]] = []
        numbers: dict[int, int] = {}
        for path in sorted(folder.rglob("*")):
            inode = path.stat().st_ino
            number = numbers[inode] = numbers[inode] if inode in numbers else self._new(path.is_dir())
            if not path.is_dir():
                self.nodes[number].now = self.nodes[number].sure = path.read_bytes()
            name = self._name(path.relative_to(folder).as_posix())
            self.now[name] = self.sure[name] = number

    def _new(self, directory: bool = False) -> int:
        self.nodes[number := len(self.nodes)] = Node(directory)
        return number

    def _name(self, path: str) -> Name:
        *above, name = path.split("/")
        directory = 0
        for part in above:
            directory = self.now[directory, part]
        return directory, name

    def find(self, path: str) -> Node | None:
        number = 0 if path == "." else self.now.get(self._name(path))
        return None if number is None else self.nodes[number]

    def files(self, path: str) -> list[str]:
        """The files a living system sees in a directory."""
        directory = self.now[self._name(path)]
        rows = [(name, self.nodes[number]) for (parent, name), number in self.now.items() if parent == directory]
        return [f"{path}/{name}" for name, node in rows if not node.directory]

    def _set(self, *halves: Half) -> None:
        for half in halves:
            if half.node is None:
                self.now.pop(half.name, None)
            else:
                self.now[half.name] = half.node
        self.steps.append(list(halves))

    # -- operations ------------------------------------------------------------

    def create(self, path: str, directory: bool = False) -> None:
        self._set(Half(self._name(path), self._new(directory)))

    def write(self, path: str, offset: int, data: bytes | None) -> None:
        if (node := self.find(path)) is None:  # a lock file: it is made behind the disk's back
            self.create(path)
            self.write(path, offset, data)
        else:
            node.change(Change(offset, data))

    def move(self, source: str, target: str) -> None:
        given = Half(self._name(target), self.now[self._name(source)])
        self._set(given, Half(self._name(source), None, follows=given))

    def exchange(self, one: str, other: str) -> None:
        first, second = self._name(one), self._name(other)
        self._set(Half(first, self.now[second]), Half(second, self.now[first]))

    def remove(self, path: str) -> None:
        if (name := self._name(path)) in self.now:
            self._set(Half(name, None))

    def typed(self, path: str, data: bytes | None) -> None:
        """Somebody else saved a file, or removed it; durably."""
        name = self._name(path)
        if data is None:
            self.now.pop(name)
            self.sure.pop(name, None)
        else:
            number = self.now[name] = self.sure[name] = self._new()
            self.nodes[number].now = self.nodes[number].sure = data

    def sync(self, path: str, succeeded: bool) -> None:
        if node := self.find(path):
            node.sync(succeeded)

    def sync_directory(self, path: str, succeeded: bool) -> None:
        directory = 0 if path == "." else self.now[self._name(path)]
        for step in self.steps:
            for half in list(step):
                if half.name[0] == directory and not half.doubt:
                    if not succeeded:
                        half.doubt = True
                        continue
                    if half.follows is not None and half.follows in step:
                        self._make_sure(half.follows)
                    self._make_sure(half)
        self.steps = [step for step in self.steps if step]

    def _make_sure(self, half: Half) -> None:
        """With it, what happened to that name before is of no account any more."""
        if half.node is None:
            self.sure.pop(half.name, None)
        else:
            self.sure[half.name] = half.node
        for step in self.steps:
            last = half in step
            step[:] = [row for row in step if row.name != half.name]
            if last:
                return

    # -- what a power cut may leave --------------------------------------------

    def states(self, chance: random.Random) -> Iterator[State]:
        """One after another, without an end."""
        while True:
            names = dict(self.sure)
            first = chance.randrange(len(self.steps) + 1)
            ordered, share = chance.random() < 0.5, chance.random()
            for number, step in enumerate(self.steps):
                if number < first if ordered else chance.random() < share:
                    for half in step:
                        if half.node is None:
                            names.pop(half.name, None)
                        else:
                            names[half.name] = half.node
            style = chance.choice(["all", "none", "any", "any"])
            contents = {number: self._content(self.nodes[number], style, chance) for number in set(names.values())}
            yield dict(self._walk(0, "", names, contents))

    def allows(self, path: str, data: bytes) -> bool:
        """True when a cut may leave this file with this content, whatever it leaves of others."""
        directories = {0}
        *above, name = path.split("/")
        for part in above:
            directories = {number for directory in directories for number in self._candidates((directory, part))}
        numbers = {number for directory in directories for number in self._candidates((directory, name))}
        return any(_possible(self.nodes[number], data) for number in numbers if not self.nodes[number].directory)

    def certain(self) -> frozenset[str]:
        """The files that are there whatever a cut leaves: nothing that is not sure concerns their names."""
        open_ = {half.name for step in self.steps for half in step}
        names = {name: number for name, number in self.sure.items() if name not in open_}
        rows = self._walk(0, "", names, dict.fromkeys(names.values(), b""))
        return frozenset(path for path, (_, data) in rows if data is not None)

    def _candidates(self, name: Name) -> Iterator[int]:
        if name in self.sure:
            yield self.sure[name]
        yield from (half.node for step in self.steps for half in step if half.name == name and half.node is not None)

    def _content(self, node: Node, style: str, chance: random.Random) -> bytes:
        data = node.sure
        for change in node.changes:
            kind = style if style != "any" else chance.choice(["all", "none", "size", "torn"])
            if kind == "all":
                data = changed(data, change)
            elif kind != "none" and change.data is not None:
                data = changed(data, Change(change.offset, _torn(data, change, kind, chance)))
        return data

    def _walk(
        self, directory: int, above: str, names: dict[Name, int], contents: dict[int, bytes]
    ) -> Iterator[tuple[str, tuple[int, bytes | None]]]:
        for (parent, name), number in names.items():
            if parent == directory:
                node = self.nodes[number]
                yield above + name, (number, None if node.directory else contents[number])
                if node.directory:
                    yield from self._walk(number, f"{above}{name}/", names, contents)


def _possible(node: Node, data: bytes) -> bool:
    """Every sector is as some write left it, or one that none made sure."""
    versions = [node.sure]
    for change in node.changes:
        versions.append(changed(versions[-1], change))
    if not min(map(len, versions)) <= len(data) <= max(map(len, versions)):
        return False
    for start in range(0, len(data), SECTOR):
        sector = data[start : start + SECTOR]
        if start < len(node.sure) and not any(version[start:].startswith(sector) for version in versions):
            return False
    return True


def _torn(data: bytes, change: Change, kind: str, chance: random.Random) -> bytes:
    """What of a write is on the disk when its size is, and not all of its sectors."""
    assert change.data is not None
    end = change.offset + len(change.data)
    old = data[change.offset : end]
    rest = len(change.data) - len(old)
    filling = chance.choice([bytes(rest), chance.randbytes(rest), (STALE * (rest // len(STALE) + 1))[:rest]])
    torn = bytearray(old + filling)
    if kind == "torn":
        for sector in range(change.offset // SECTOR, end // SECTOR + 1):
            if chance.random() < 0.5:
                start, stop = max(0, sector * SECTOR - change.offset), (sector + 1) * SECTOR - change.offset
                torn[start:stop] = change.data[start:stop]
    return bytes(torn)
