"""What the engine told the world of a folder's journals: whatever happens later, it must have been true."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from orchestrator import chain, files
from orchestrator.documents import KINDS, unstamp
from orchestrator.errors import StorageError, Unsynced
from orchestrator.events import Commit, Event
from orchestrator.task import digest


@dataclass(frozen=True)
class Claims:
    """`durable`: what journals begin with for good. `refused`: lines of which a caller was told that they are not.

    `seen`: every line that ever was in a journal.
    """

    durable: frozenset[bytes] = frozenset()
    refused: frozenset[bytes] = frozenset()
    seen: frozenset[bytes] = frozenset()

    def looked(self, temp: Path) -> Claims:
        """Lines may have been written, and nobody was told of them."""
        found = lines(temp)
        return self if found <= self.seen else replace(self, seen=self.seen | found)

    def told(self, temp: Path, task_id: str = "*") -> Claims:
        """Somebody may have seen by now what a journal holds: a call returned, or a document was published."""
        found = frozenset(journals(temp, task_id))
        kept = frozenset(old for old in self.durable if not any(new.startswith(old) for new in found))
        return replace(self, durable=kept | found)

    def failed(self, temp: Path, error: Exception, denied: frozenset[bytes]) -> Claims:
        """A call said that it committed nothing. `denied`: lines of its own that are there all the same."""
        if not denies(error):
            return self
        return replace(self, refused=self.refused | (self.seen - lines(temp)) | denied)

    def joined(self, earlier: Claims) -> Claims:
        return Claims(self.durable | earlier.durable, self.refused | earlier.refused)

    def judge(self, temp: Path) -> None:
        """Raises AssertionError where it turns out to be otherwise."""
        found = journals(temp)
        for begun in self.durable:
            kept = any(journal.startswith(begun) for journal in found)
            assert kept, f"revision {begun.count(10)} of a task was durable, and is gone"
        there = {line for journal in found for line in journal.splitlines()}
        assert not self.refused & there, "a commit that was refused is there"


def denies(error: Exception) -> bool:
    """True when it says that nothing was committed."""
    return isinstance(error, StorageError) and not (isinstance(error, Unsynced) and error.in_doubt)


def holding(temp: Path, task_id: str, events: Sequence[Event]) -> frozenset[bytes]:
    """The lines that record these events, and no others."""
    wanted = Commit(revision=1, at="", actor="user", events=tuple(events)).encode()["events"]
    return frozenset(line for line in lines(temp, task_id) if json.loads(line)["events"] == wanted)


def journals(temp: Path, task_id: str = "*") -> list[bytes]:
    """The whole lines of each journal: a cut may have left anything behind them."""
    found = []
    for folder in (f"{temp}/.orchestrator/journal", f"{temp}/.orchestrator/journal/completed"):
        for name in files.names(Path(folder)):
            if name.endswith(".jsonl") and name[0] != "." and task_id in ("*", name[: -len(".jsonl")]):
                with open(f"{folder}/{name}", "rb", buffering=0) as file:
                    found.append(_whole(file.read()))
    return found


@lru_cache(maxsize=64)
def _whole(data: bytes) -> bytes:
    total, end = "", 0
    with suppress(ValueError):
        for line in data.splitlines(keepends=True):
            _, total = chain.check(line, total)
            end += len(line)
    return data[:end]


def lines(temp: Path, task_id: str = "*") -> frozenset[bytes]:
    return frozenset(line for journal in journals(temp, task_id) for line in journal.splitlines())


def mistaken(temp: Path) -> Iterator[str]:
    """The texts that were set aside though they are whole documents of ours."""
    known = b"".join(journals(temp))
    for folder, _, names in os.walk(temp):
        for name in (name for name in names if name.startswith("set-aside-")):
            kind = next(kind for kind in KINDS if name.startswith(f"set-aside-{kind}-"))
            try:
                body, stamp = unstamp(kind, Path(folder, name).read_text())
            except ValueError:
                continue
            if stamp is not None and stamp.intact and digest(body).encode() in known:
                yield name
