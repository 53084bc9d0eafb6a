"""What happened to a task, read from its journal alone: no lock, no write, no engine. Fast to import."""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from orchestrator import chain
from orchestrator.errors import Damaged, Empty, Newer, OrchestratorError, StorageError, UnknownTask

Json = dict[str, Any]


class History:
    """A journal read by who takes no part: its whole lines so far, then those that came since, under whatever name.

    Lines and their chain are those of `orchestrator.journal`.
    """

    def __init__(self, temp: Path, task_id: str) -> None:
        self._temp = temp
        self._task_id = task_id
        self._size = 0
        self._sum = ""
        self._lines = 0

    def read(self, *, first: bool = False) -> Iterator[Json]:
        """The commits since the last call, without their sums; with `first` the next one alone.

        What was never committed, a torn last line, is left out. Raises Damaged, UnknownTask or StorageError.
        """
        path, data = self._rest(first)
        lines = data.split(b"\n")
        for place, line in enumerate(lines[:-1]):
            try:
                text, total = chain.check(line + b"\n", self._sum)
                commit: Json = json.loads((text + b"}").decode("utf-8", "surrogatepass"))
            except ValueError as error:
                if chain.is_damage(b"\n".join(lines[place:])):
                    raise self._damaged(path, str(error)) from None
                break
            if commit.get("v") != chain.FORMAT:
                raise Newer(self._task_id, str(path), self._lines + 1, f"line format {commit.get('v')}")
            self._size += len(line) + 1
            self._sum = total
            self._lines += 1
            yield commit
        if not self._lines:  # a journal gets its name with its first line in it
            raise Empty(self._task_id, str(path))

    def _rest(self, first: bool) -> tuple[Path, bytes]:
        """Where the journal is now, and its bytes after those that were read, or the `first` line of them."""
        last = f'"sum":"{self._sum}"}}\n'.encode() if self._size else b""
        for path in (folder / f"{self._task_id}.jsonl" for folder in _folders(self._temp)):
            try:
                with path.open("rb") as file:
                    file.seek(self._size - len(last))
                    data = file.read(len(last)) + file.readline() if first else file.read()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise StorageError(f"{path}: {error.strerror}") from None
            if not data.startswith(last):
                raise StorageError(f"{path} was replaced by another journal meanwhile: start again")
            return path, data[len(last) :]
        if self._size and (name := called(self._temp, self._task_id)):
            self._task_id = name
            return self._rest(first)
        raise UnknownTask(self._task_id, str(self._temp))

    def _damaged(self, path: Path, reason: str) -> Damaged:
        return Damaged(self._task_id, str(path), self._lines + 1, reason)


def called(temp: Path, previous: str) -> str | None:
    """What a task is called now that had this id."""
    said = f'"previous":"{previous}"'.encode()
    for path in (path for folder in _folders(temp) for path in sorted(folder.glob("*.jsonl"))):
        with suppress(OrchestratorError, OSError):
            if said in path.read_bytes() and previous in _former(temp, path.stem):
                return path.stem
    return None


def _former(temp: Path, task_id: str) -> list[str]:
    """The ids that a task had before; not those of what it was forked from, whose past is in its journal, too."""
    ids: list[str] = []
    for commit in History(temp, task_id).read():
        for event in commit["events"]:
            if event["type"] == "TaskForked":
                ids.clear()
            elif event["type"] == "TaskRenamed":
                ids.append(event["previous"])
    return ids


def _folders(temp: Path) -> tuple[Path, Path]:
    journals = temp / ".orchestrator" / "journal"
    return journals, journals / "completed"


def merged(temp: Path, task_ids: Iterable[str], complain: Callable[[StorageError], None]) -> Iterator[tuple[str, Json]]:
    """The commits of many tasks by their times, each with its task's id; of one task in their order.

    No journal is read before its turn. One that cannot be is complained of, after what comes before the fault.
    """

    def commits(task_id: str) -> Iterator[tuple[str, str, Json]]:
        history, at = History(temp, task_id), ""
        try:
            for part in (history.read(first=True), history.read()):
                for commit in part:
                    at = max(at, commit["at"])
                    yield at, task_id, commit
        except UnknownTask:  # renamed since it was listed
            return
        except StorageError as error:
            complain(error)

    for _, task_id, commit in heapq.merge(*map(commits, task_ids), key=lambda row: row[:2]):
        yield task_id, commit
