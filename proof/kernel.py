"""Crashes of real file systems: what reached the disk until some moment is mounted again, and recovered from.

Of what was written since the last flush, any part may be missing.
"""

from __future__ import annotations

import os
import pickle
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

from proof.blocklog import FLUSH, MARK, WRITE, Record, records
from proof.claims import Claims
from proof.flows import Flow, absorb, archive, change_over, commit, create, prepare, rename, type_line
from proof.folder import open_engine
from proof.power import judge, next_boot
from proof.recording import RecordingDisk
from proof.replay import Model
from proof.result import Part, Result

SYSTEMS = {
    "ext4": (64, ["mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0"]),
    "btrfs": (128, ["mkfs.btrfs", "-q"]),
}
"""Of each file system, the mebibytes it is given and what makes it."""
FLOWS = (create, commit, absorb, archive, rename, change_over)
CRASHES, LEAST = 17, 100
"""Of each flow on each file system, and of all flows on each; ten times as many in full."""


def parts(full: bool) -> Iterator[Part]:
    for system in SYSTEMS:
        for flow in FLOWS:
            yield partial(crashes, system, flow, *((10 * CRASHES, 10 * LEAST) if full else (CRASHES, LEAST)))


def crashes(system: str, flow: Flow, count: int, least: int = 0) -> list[Result]:
    """Crashes in this flow, at moments spread evenly over what reached the disk."""
    claim, known = f"crashes of a real {system}", f"files after a crash of {system} that the replay foresees"
    if reason := missing(system):
        return [Result(claim, 0, "crashes", skipped=reason), Result(known, 0, "files", skipped=reason)]
    violations, unforeseen, files_seen = [], [], 0
    with tempfile.TemporaryDirectory(dir="/dev/shm") as place:
        disk = Crashes(Path(place), system)
        log = disk.logged(flow)
        chance = random.Random(f"{system} {flow.__name__}")
        for number in range(count):
            cut = len(log) * (number + 1) // count
            where = f"{flow.__name__} after {cut} of {len(log)} writes, {number=}"
            with disk.crashed(log[:cut], chance if number % 2 else None) as (temp, models, claims):
                rows = {path.relative_to(temp.parent).as_posix(): path for path in temp.rglob("*") if path.is_file()}
                rows = {name: path for name, path in rows.items() if path.parent.name != "locks"}
                files_seen += len(rows)
                for name, path in rows.items():
                    if not any(model.allows(name, path.read_bytes()) for model in models):
                        unforeseen.append(f"{where}: {name}")
                sure = frozenset.intersection(*(model.certain() for model in models))
                unforeseen += [f"{where}: {name} is gone" for name in sure - rows.keys() if "/locks/" not in name]
                next_boot(temp)
                try:
                    apart(lambda: judge(temp, flow, claims))
                except AssertionError as error:
                    violations.append(f"{where}: {error}")
    return [
        Result(claim, count, "crashes", tuple(violations), least=least),
        Result(known, files_seen, "files", tuple(unforeseen)),
    ]


def missing(system: str) -> str:
    """What this system lacks for such a crash, empty when nothing."""
    if os.geteuid() != 0:
        return "only root may mount"
    needed = [SYSTEMS[system][1][0], "losetup", "mount", "fusermount3"]
    if absent := [name for name in needed if shutil.which(name) is None]:
        return f"{', '.join(absent)} not installed"
    if absent := [name for name in ("/dev/fuse", "/dev/loop-control") if not os.path.exists(name)]:
        return f"there is no {', '.join(absent)}"
    if subprocess.run(["losetup", "--find"], capture_output=True, check=False).returncode:
        return "no loop device may be used"
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
            if flow is absorb:
                type_line(self._mounted / ".temp")
        served, log = self._place / "served", self._place / "log"
        served.mkdir()
        with subprocess.Popen([sys.executable, "-m", "proof.blocklog", served, self._image, log]) as server:
            try:
                while not (served / "disk").exists():
                    if server.poll() is not None:
                        raise OSError(f"nothing is served: exit {server.returncode}")
                with self._mount(served / "disk"):
                    apart(lambda: self._act(flow, served / "mark"))
                    _run("sync", "--file-system", str(self._mounted))
            finally:
                _run("umount", "--lazy", str(served))  # another `losetup` may look at our device: it is held until then
        return list(records(log))

    def _act(self, flow: Flow, mark: Path) -> None:
        """The flow; each operation leaves a mark, and the model as it was by then."""
        disk = RecordingDisk(self._mounted)
        known = [pickle.dumps((disk.model, disk.claims))]

        def done() -> None:
            known.append(pickle.dumps((disk.model, disk.claims)))
            mark.write_text(str(len(known) - 1))

        disk.after = done
        flow(open_engine(self._mounted / ".temp", disk))
        (self._place / "known").write_bytes(pickle.dumps(known))

    @contextmanager
    def crashed(
        self, log: Sequence[Record], chance: random.Random | None
    ) -> Iterator[tuple[Path, list[Model], Claims]]:
        """A copy of what was on the disk by then, what the replay knew, and what was told.

        With `chance`, half of what was not flushed is lost.
        """
        crashed, copied = self._place / "crashed", self._place / "copied"
        shutil.copy(self._image, crashed)
        flushed = max((number for number, record in enumerate(log) if record.kind == FLUSH), default=-1)
        with crashed.open("r+b") as file:
            for number, record in enumerate(log):
                if record.kind == WRITE and (number < flushed or chance is None or chance.random() < 0.5):
                    os.pwrite(file.fileno(), record.data, record.offset)
        with self._mount(crashed):
            _run("cp", "--archive", str(self._mounted), str(copied))
        last = int(next((row.data for row in reversed(log) if row.kind == MARK), b"0"))
        known = [pickle.loads(row) for row in pickle.loads((self._place / "known").read_bytes())[last : last + 2]]
        try:
            yield copied / ".temp", [model for model, _ in known], known[0][1]
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
