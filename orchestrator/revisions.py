"""The states a task went through, told from its journal alone: no lock, no write, no engine."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from difflib import SequenceMatcher
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from orchestrator import documents
from orchestrator.errors import Damaged, Newer, Refused, UsageError
from orchestrator.events import Actor, CallSettled, Commit, Event, Kind, Receipt
from orchestrator.history import History
from orchestrator.task import Task, digest
from orchestrator.transitions import apply_all, fold, follow, origin

Moment = int | str
"""A revision, or a time as commits have it: ISO 8601, UTC, milliseconds, Z."""


class Line(NamedTuple):
    """A line of a document and the commit that wrote it. `call`: of an agent, where one did."""

    text: str
    revision: int
    at: str
    actor: Actor
    call: Receipt | None


class _Writer(NamedTuple):
    commit: Commit
    call: str | None


class Revisions:
    """Every revision of one task. `damage`: why they end before its journal does.

    Raises UnknownTask or StorageError.
    """

    def __init__(self, temp: Path, task_id: str) -> None:
        self.damage: Damaged | None = None
        self._task_id = task_id
        self._commits: list[Commit] = []
        try:
            for commit in decoded(task_id, History(temp, task_id).read()):
                self._commits.append(commit)
        except Damaged as error:
            self.damage = error
        self._origin = origin(self._commits, task_id)

    def at(self, moment: Moment) -> Task:
        """The task as it was then. Raises UsageError where there was none, Damaged where that is not known."""
        key = "revision" if isinstance(moment, int) else "at"
        commits = list(takewhile(lambda commit: getattr(commit, key) <= moment, self._commits))
        if len(commits) == len(self._commits) and moment != len(commits):
            if self.damage is not None:
                raise self.damage
            if isinstance(moment, int):
                raise UsageError(f"task {self._task_id} has no revision {moment}: it is at {len(commits)}")
        last = deque(self._states(commits), maxlen=1)
        if not last:
            raise UsageError(f"task {self._task_id} was not there yet: it was created at {self._commits[0].at}")
        return last[0][1]

    def blame(self, kind: Kind) -> list[Line]:
        """Each line of a document as the last commit left it, without its stamp. Empty when the task has none."""
        if self.damage is not None:
            raise self.damage
        lines: list[str] = []
        writers: list[_Writer] = []
        before = task = None
        for commit, task in self._states(self._commits):
            if kind not in documents.kinds(task):
                lines, writers = [], []
            elif kind in commit.documents:
                for call, state in _steps(before, commit, task, kind):
                    if kind not in documents.kinds(state):
                        continue
                    new = documents.render(state, kind).split("\n")
                    writers = _carried(lines, writers, new, _Writer(commit, call))
                    lines = new
            before = task
        calls = {receipt.call: receipt for receipt in task.receipts} if task else {}
        if lines[-1:] == [""]:  # the end of the last line
            lines.pop()
        return [
            Line(text, commit.revision, commit.at, commit.actor, calls.get(call or ""))
            for text, (commit, call) in zip(lines, writers, strict=False)
        ]

    def _states(self, commits: Iterable[Commit]) -> Iterator[tuple[Commit, Task]]:
        task: Task | None = None
        for commit in commits:
            try:
                task = follow(task, commit, self._origin)
            except Refused as error:
                raise self._damaged(str(error), commit.revision) from None
            yield commit, task

    def _damaged(self, reason: str, line: int) -> Damaged:
        return Damaged(self._task_id, f"journal of {self._task_id}", line, reason)


def read(temp: Path, task_id: str) -> tuple[Task, list[Commit]]:
    """A task as its journal leaves it, and its commits; raises Damaged, Newer, UnknownTask, StorageError or Refused."""
    commits = list(decoded(task_id, History(temp, task_id).read()))
    task = fold(commits, origin(commits, task_id))
    assert task is not None  # no journal is without a line
    return task, commits


def decoded(task_id: str, lines: Iterable[Mapping[str, object]]) -> Iterator[Commit]:
    """The commits of a journal's lines, as `History.read` gives them from its start; raises Newer."""
    for number, line in enumerate(lines, 1):
        try:
            yield Commit.decode({key: value for key, value in line.items() if key != "v"})
        except (ValueError, KeyError, TypeError) as error:
            raise Newer(task_id, f"journal of {task_id}", number, str(error).splitlines()[0]) from None


def is_exact(task: Task, kind: Kind, body: str) -> bool:
    """True when a document's body, rendered now, is what was published then, byte for byte.

    It is not where that version of orchestrator worded it otherwise.
    """
    return kind in task.documents and task.documents[kind].digest == digest(body)


def _steps(before: Task | None, commit: Commit, after: Task, kind: Kind) -> Iterator[tuple[str | None, Task]]:
    """The states within a commit, one a call of the agent, each with the call that led there."""
    call = _running(before) if commit.actor == "command" else None
    state, events = before, list[Event]()
    for event in commit.events:
        if isinstance(event, CallSettled):
            if state is not None and events:
                state = apply_all(state, events, actor=commit.actor, at=commit.at)
                yield call, state
            call, events = event.receipt.call, []
        events.append(event)
    yield (_typing(before, kind) or call) if commit.actor == "worker" else call, after


def _running(task: Task | None) -> str | None:
    """The command that is just running."""
    commands = [intent.call for intent in task.pending if intent.command is not None] if task else []
    return commands[0] if commands else None


def _typing(task: Task | None, kind: Kind) -> str | None:
    """The call of the agent's last message that writes the document itself."""
    if task is None or not task.transcript:
        return None
    name = documents.file_name(kind, task.id)
    for block in task.transcript[-1].content:
        writes = block.get("type") == "tool_use" and block["name"] != "Read"
        if writes and str(block["input"].get("file_path", "")).endswith(name):
            return str(block["id"])
    return None


def _carried(old: list[str], writers: list[_Writer], new: list[str], writer: _Writer) -> list[_Writer]:
    """Who wrote each of the new lines: what is not among the old ones, `writer` did."""
    head = 0
    most = min(len(old), len(new))
    while head < most and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < most - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    middle = [writer] * (len(new) - head - tail)
    found = SequenceMatcher(None, old[head : len(old) - tail], new[head : len(new) - tail], autojunk=False)
    for there, here, size in found.get_matching_blocks():
        middle[here : here + size] = writers[head + there : head + there + size]
    return writers[:head] + middle + writers[len(old) - tail :]
