"""One command, struck again and again in copies of one project, and what must be true afterwards."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, nullcontext
from errno import EINTR
from functools import partial
from pathlib import Path
from typing import NamedTuple

from orchestrator.engine import Engine
from orchestrator.prune import Prune
from proof import trace
from proof.commands import Command, once_more
from proof.fault import CHANGING, ERRORS, HALF, LASTING, LOOKING, SELDOM, Call, Fault, Faults
from proof.folder import open_engine, recovered
from proof.project import Ended, Project, Words

Start = Callable[..., Ended]

_VARIES = re.compile(
    rb"[0-9a-f]{8,}(-[0-9a-f]{4}){0,3}|\d{4}-\d\d-\d\d[T ][\d:.]+|\d+\.\d+|(pid|started) \d+|\"seconds\":\d+"
)
_KNOWN = re.compile(
    r"\.gitignore|journal/(completed/)?\w{6}\.jsonl|locks/(\w{6}|probe|workspace)\.lock|locks/\w{6}\.lease-\d+(\.beat)?"
    r"|(contents|outputs)/[0-9a-f]{64}"
)
"""What may be in the engine's own folder for good."""


class Trial:
    """One command, struck again and again in copies of one project."""

    def __init__(self, command: Command, project: Project, full: bool, stride: int = 1) -> None:
        """`full`: deaths, and errors that stay, at every call, not only at those that change something.

        `stride`: of the errors every so many are tried, and of what plays for seconds also of the deaths.
        """
        self._command = command
        self._full = full
        self._stride = stride
        self._project = project
        self._faults = Faults()
        self._before = project.place.with_name("before")
        self._judged: set[tuple[str, bool]] = set()
        self._lasting: set[bytes] = set()
        self.struck: Call | str = ""
        project.workspace.mkdir(parents=True)
        command.before(project)
        shutil.copytree(project.place, self._before, symlinks=True)
        self._pristine = self._now = _states(project).exact
        """`_now`: what is there; empty when that is not known."""

    @property
    def name(self) -> str:
        return self._command.name

    def faults(self) -> Iterator[Fault]:
        """Those that can strike the calls it makes when nothing does.

        Unless all are asked for, of the calls that only look each error strikes one that is made at a place of the
        program: by the same line, for the same callers. Errors that are seldom strike the others in the same way.
        """
        with nullcontext() if self._command.works else self._faults.placed():  # threads would write into one another
            ended, calls = self._run(Fault(), self._command.words, looks=True)
        assert ended.code == 0, ended
        changing = [call for call in calls if self._full or call.kind in CHANGING]
        deaths = [Fault(call.number) for call in changing]
        errors = [(call, error) for call in calls for error in ERRORS if call.kind in ERRORS[error]]
        once = [Fault(call.number, error) for call, error in errors if self._full or everywhere(call, error)]
        if not self._full:
            once += once_a_place(calls)
        lasting = [
            Fault(call.number, error, lasting=True)
            for call in changing
            for error in LASTING
            if call.kind in ERRORS[error]
        ]
        yield from deaths[:: self._stride if self._command.plays else 1]
        yield from [*once, *lasting][:: self._stride]

    def seen(self) -> tuple[Counter[str], Counter[str]]:
        """The calls of one run that nothing strikes: as strace sees them, and as the library does."""
        self._restore()
        report = self._project.place.with_name("trace")
        start = partial(self._project.real, under=trace.words(report))
        _, calls = self._run(Fault(), self._command.words, start=start, looks=True)
        return trace.seen(report), trace.noted(calls)

    def judge(self, fault: Fault, *, real: bool = False) -> None:
        """Strike there; raises AssertionError, or what recovery raises, when anything is not as it must be."""
        self._restore()
        journals = _journals(self._project.temp)
        start = self._project.real if real else self._project.forked
        ended, calls = self._run(fault, self._command.words, start=start)
        self.struck = next((call for call in calls if call.injected), calls[-1] if calls else "no call")
        _judge_end(self._command, ended, fault)
        if fault.error == HALF and isinstance(self.struck, Call) and self.struck.kind == "read":
            assert ended.code == 0, f"it gave up where it was to read on: {ended.err}"
        self._judge_journals(journals, calls)
        self._now, alike = _states(self._project)
        unsynced = any(call.kind == "sync" and call.error for call in calls)
        if (alike, ended.code == 0) not in self._judged or unsynced:
            self._now = ""  # what follows changes it
            self._judge_state(ended, calls)
            self._judged.add((alike, ended.code == 0))

    def _restore(self) -> None:
        if self._now != self._pristine:
            shutil.rmtree(self._project.place, ignore_errors=True)
            shutil.copytree(self._before, self._project.place, symlinks=True, dirs_exist_ok=True)
            self._now = self._pristine

    def _run(
        self, fault: Fault, words: Words, *, start: Start | None = None, looks: bool = False
    ) -> tuple[Ended, list[Call]]:
        """How it ended, and its calls; those that only look, and that nothing struck, where they are asked for."""
        self._now = ""
        start = start or self._project.forked
        words = self._project.said(words)
        self._faults.arm(fault)
        try:
            ended = start(*words)
        finally:
            calls = self._faults.disarm(looks)
        return ended, calls

    def _judge_journals(self, before: dict[str, bytes], calls: list[Call]) -> None:
        """What was committed is there still, wherever its journal is by now."""
        found = _journals(self._project.temp).values()
        for task_id, data in before.items():
            assert any(now.startswith(data) for now in found), f"commits of {task_id} are gone"
        for call in calls:
            if call.kind == "sync" and not call.error and re.search(r"/journal/(completed/)?\w{6}\.jsonl$", call.path):
                assert any(len(now) >= call.size for now in found), "a commit that was synced is gone"

    def _judge_state(self, ended: Ended, calls: list[Call]) -> None:
        command, project = self._command, self._project
        journals = _journals(project.temp)
        self._faults.arm(Fault())
        engine = self._recovered()
        calls = calls + self._faults.disarm()
        found = _journals(project.temp)
        for task_id, data in journals.items():
            whole = data[: data.rfind(b"\n") + 1]
            assert any(now.startswith(whole) for now in found.values()), f"recovery lost commits of {task_id}"
        if ended.code == 0:
            said, true = (_of_others(journals), _of_others(found)) if command.follows else (journals, found)
            assert said == true, "it said that it was done, and the next command had to go on"
            command.done(engine, project)
        for _ in range(3):
            words = command.repeated(engine)
            engine.close()
            if words is None:
                break
            again, more = self._run(Fault(), words)
            calls += more
            assert again.code == 0, f"again it failed: {again.err.strip() or again.out.strip()}"
            engine = self._recovered()
            if command.again is None:
                break
        else:
            raise AssertionError("again and again it was not done")
        command.done(engine, project)
        once_more(engine)
        engine.close()
        if not any(call.kind == "overwrite" and call.error for call in calls):  # what cannot be noted cannot be heeded
            _judge_syncs(calls)
        self._judge_leftovers()

    def _recovered(self) -> Engine:
        project = self._project
        if not project.temp.is_dir():
            project.temp.mkdir()
        return recovered(project.temp, self._lasting)

    def _judge_leftovers(self) -> None:
        """Nothing of a process that died is there for good."""
        self._project.age()
        with closing(open_engine(self._project.temp)) as engine:
            Prune(engine, dry=False).run("")
        internal = self._project.temp / ".orchestrator"
        names = [str(path.relative_to(internal)) for path in internal.rglob("*") if path.is_file()]
        left = [name for name in names if not _KNOWN.fullmatch(name)]
        assert not left, f"left for good: {left}"
        leases = Counter(name[:12] for name in names if re.search(r"\.lease-\d+$", name))
        assert all(count == 1 for count in leases.values()), f"leases left for good: {leases}"


def everywhere(call: Call, error: int) -> bool:
    """Whether an error strikes every call like this one, and not one at a place."""
    return call.kind not in LOOKING and error not in SELDOM


def once_a_place(calls: Iterable[Call]) -> Iterator[Fault]:
    """Each error that fits and is not `everywhere`, at one after the other of the calls made at one place.

    A call of no known place is one.
    """
    places: dict[object, list[Call]] = {}
    for call in calls:
        places.setdefault((call.name, call.place or call.number), []).append(call)
    for same in places.values():
        fitting = [error for error in ERRORS if same[0].kind in ERRORS[error] and not everywhere(same[0], error)]
        for number, error in enumerate(fitting):
            yield Fault(same[number * len(same) // len(fitting)].number, error)


def _judge_end(command: Command, ended: Ended, fault: Fault) -> None:
    """A death is a death; what fails says so in a line, and nobody says done who is not."""
    code, _, said = ended
    if not fault.error:
        assert code in (-9, 0), f"killed, and it ended with {code}: {said}"
        return
    lines = said.strip().splitlines()
    assert "Traceback" not in said, f"it shows a traceback: {lines[-1]}"
    assert "unexpected" not in said, said
    assert code in (0, 1), f"it ended with {code}: {said}"
    if code:
        assert fault.error != EINTR, f"it gave up at an interruption: {said}"
        assert (ended.out + said).strip(), "it failed without a word"
        assert all(line.startswith("orchestrator: ") for line in lines) or command.works, said


def _judge_syncs(calls: Iterable[Call]) -> None:
    """The sync of a file that failed is never tried again, by whatever process: a new file takes its place.

    What is written to it once more is no excuse: of what was there before, nobody knows. Not asked of directories: a
    file system that cannot write one writes nothing any more.
    """
    doubtful: set[int] = set()
    for call in calls:
        if call.kind == "sync" and call.name == "fdatasync":
            assert call.inode not in doubtful, f"synced again after it failed: {call}"
            if call.error not in (0, EINTR):
                doubtful.add(call.inode)
        elif not call.error and call.kind == "create" and call.other == "new":
            doubtful.discard(call.inode)


def _journals(temp: Path) -> dict[str, bytes]:
    places = (temp / ".orchestrator" / "journal", temp / ".orchestrator" / "journal" / "completed")
    return {path.stem: path.read_bytes() for place in places for path in place.glob("[!.]*.jsonl")}


class States(NamedTuple):
    """Digests of what is in a project: exact, and alike where only what varies from one run to the next differs."""

    exact: str
    alike: str


def _states(project: Project) -> States:
    exact, alike = hashlib.sha256(), hashlib.sha256()
    drawn = "|".join(_journals(project.temp)).encode()
    root = str(project.workspace)
    for folder, folders, names in os.walk(root):
        folders.sort()
        for path in [f"{folder}/{name}" for name in sorted(names)]:
            with open(path, "rb", buffering=0) as file:
                data = path[len(root) :].encode() + b"\0" + file.read()
            exact.update(hashlib.sha256(data).digest())
            alike.update(hashlib.sha256(_VARIES.sub(b"~", re.sub(drawn, b"ID", data) if drawn else data)).digest())
        for found in (exact, alike):
            found.update(folder[len(root) :].encode())
    return States(exact.hexdigest(), alike.hexdigest())


def _of_others(journals: dict[str, bytes]) -> dict[str, list[bytes]]:
    """The lines that the engine did not add by itself."""
    return {
        name: [line for line in data.splitlines() if b'"actor":"engine"' not in line] for name, data in journals.items()
    }
