"""Crashes of real file systems: what reached the disk until some moment is mounted again, and recovered from.

Of what was written since the last flush, any part may be missing.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from orchestrator import files
from proof.blocklog import FLUSH, MARK, WRITE, Record, records
from proof.disk import ScriptedDisk
from proof.flows import NEW, Flow, absorb, archive, commit, create, prepare, rename, verify
from proof.folder import open_engine, recovered
from proof.result import Part, Result

SYSTEMS = {
    "ext4": (64, ["mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0"]),
    "btrfs": (128, ["mkfs.btrfs", "-q"]),
}
"""Of each file system, the mebibytes it is given and what makes it."""
FLOWS = (create, commit, absorb, archive, rename)
TYPED = (absorb, rename)
"""Flows in which somebody edits a document."""
CRASHES = 20
"""Of each flow on each file system; ten times as many in full."""


def parts(full: bool) -> Iterator[Part]:
    for system in SYSTEMS:
        for flow in FLOWS:
            yield partial(crashes, system, flow, CRASHES * (10 if full else 1))


def crashes(system: str, flow: Flow, count: int) -> Result:
    """Crashes in this flow, at moments spread evenly over what reached the disk."""
    claim = f"crashes of a real {system}"
    if reason := missing(system):
        return Result(claim, 0, "crashes", skipped=reason)
    violations = []
    with tempfile.TemporaryDirectory(dir="/dev/shm") as place:
        disk = Crashes(Path(place), system)
        log = disk.logged(flow)
        chance = random.Random(f"{system} {flow.__name__}")
        for number in range(count):
            cut = len(log) * (number + 1) // count
            try:
                disk.crash(log[:cut], flow, chance if number % 2 else None)
            except AssertionError as error:
                violations.append(f"{flow.__name__} after {cut} of {len(log)} writes, {number=}: {error}")
    return Result(claim, count, "crashes", tuple(violations))


def missing(system: str) -> str:
    """What this system lacks for such a crash, empty when nothing."""
    if os.geteuid() != 0:
        return "only root may mount"
    needed = [SYSTEMS[system][1][0], "losetup", "mount", "fusermount3"]
    if absent := [name for name in needed if shutil.which(name) is None]:
        return f"{', '.join(absent)} not installed"
    if absent := [name for name in ("/dev/fuse", "/dev/loop-control") if not os.path.exists(name)]:
        return f"there is no {', '.join(absent)}"
    try:
        import mfusepy  # noqa: F401
    except (ImportError, OSError):
        return "mfusepy is not installed"
    return ""


class Crashes:
    """A file system on a disk of which every write is known, mounted in a folder of `place`."""

    def __init__(self, place: Path, system: str) -> None:
        self._place = place
        self._system = system
        self._image = place / "image"
        self._mounted = place / "mounted"
        self._mounted.mkdir()

    def logged(self, flow: Flow) -> list[Record]:
        """What reaches the disk while the flow runs, on a folder that is all there before."""
        size, make = SYSTEMS[self._system]
        with self._image.open("wb") as file:
            file.truncate(size * 1024 * 1024)
        _run(*make, str(self._image))
        with self._mount(self._image):
            apart(lambda: prepare(self._mounted / ".temp", flow))
        served, log = self._place / "served", self._place / "log"
        served.mkdir()
        with subprocess.Popen([sys.executable, "-m", "proof.blocklog", served, self._image, log]) as server:
            try:
                while not (served / "disk").exists():
                    if server.poll() is not None:
                        raise OSError(f"nothing is served: exit {server.returncode}")
                with self._mount(served / "disk"):
                    apart(lambda: self._act(flow, served / "mark"))
                    os.sync()
            finally:
                _run("umount", str(served))
        return list(records(log))

    def _act(self, flow: Flow, mark: Path) -> None:
        """The flow; each commit leaves a mark once it is durable."""
        temp, disk = self._mounted / ".temp", ScriptedDisk()

        def committed(number: int, operation: str, path: Path) -> None:
            if (operation == "fdatasync" and path.suffix == ".jsonl") or (
                operation == "fsync" and path.name == "journal"
            ):
                for journal in (temp / ".orchestrator" / "journal").rglob("[!.]*.jsonl"):
                    mark.write_text(f"{journal.stem} {journal.read_bytes().count(10)}")

        disk.after = committed
        flow(open_engine(temp, disk))

    def crash(self, log: Sequence[Record], flow: Flow, chance: random.Random | None) -> None:
        """Mount what was on the disk by then, and judge it; with `chance`, half of what was not flushed is lost."""
        crashed, copied = self._place / "crashed", self._place / "copied"
        shutil.copy(self._image, crashed)
        flushed = max((number for number, record in enumerate(log) if record.kind == FLUSH), default=-1)
        with crashed.open("r+b") as file:
            for number, record in enumerate(log):
                if record.kind == WRITE and (number < flushed or chance is None or chance.random() < 0.5):
                    os.pwrite(file.fileno(), record.data, record.offset)
        with self._mount(crashed):
            _run("cp", "--archive", str(self._mounted), str(copied))
        try:
            apart(lambda: judge(copied / ".temp", flow, [row.data.decode() for row in log if row.kind == MARK]))
        finally:
            shutil.rmtree(copied)

    @contextmanager
    def _mount(self, image: Path) -> Iterator[None]:
        device = _run("losetup", "--find", "--show", str(image)).strip()
        try:
            _run("mount", "-o", "noatime", device, str(self._mounted))
            try:
                yield
            finally:
                _run("umount", str(self._mounted))
        finally:
            _run("losetup", "--detach", device)


def judge(temp: Path, flow: Flow, marks: Sequence[str]) -> None:
    """Recover after another boot: nothing that was durable is lost, all or nothing, and the next commit works."""
    earlier = files.boot_time() - 1000
    for path in temp.rglob("*"):
        os.utime(path, (earlier, earlier), follow_symlinks=False)
    for lock in (temp / ".orchestrator" / "locks").glob("*.lock"):
        lock.write_text(lock.read_text().replace(files.boot(), "0" * len(files.boot())))
    engine = recovered(temp)
    for task_id, revision in (mark.split() for mark in marks):
        found = engine.refresh(task_id if task_id in engine.ids() else NEW).task.revision
        assert found >= int(revision), f"revision {revision} of {task_id} was durable, and {found} is the last"
    edits = sum(row.actor == "editor" for name in engine.ids() for row in engine.since(name, 0))
    assert edits <= (flow in TYPED), f"{edits} edits were recorded"
    if edits or flow is not absorb:  # what nobody synced before it was recorded may be gone
        verify(engine, temp, flow)
    engine.close()


def apart(act: Callable[[], None]) -> None:
    """Do it in a process of its own, which is gone afterwards with all it held; raises AssertionError when it fails."""
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        try:
            act()
        except BaseException:
            os.write(tell, traceback.format_exc().encode()[-4000:])
        finally:
            os._exit(0)
    os.close(tell)
    with os.fdopen(told) as said:
        text = said.read()
    os.waitpid(child, 0)
    if text:
        raise AssertionError(text)


def _run(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout
