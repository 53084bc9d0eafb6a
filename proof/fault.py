"""System calls that fail: a library preloaded into this process counts, logs and breaks those on paths under a `.temp`.

This process has to be started by `preloaded`; what it forks, and what it starts, has the library too.
"""

from __future__ import annotations

import errno
import faulthandler
import mmap
import os
import shutil
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).with_name("fault.c")
KINDS = ("look", "ask", "list", "open", "read", "lock", "create", "write", "overwrite", "cut", "sync", "name", "remove")
"""What a call does, in the order of the library's `enum kind`."""
CHANGING = {"create", "write", "overwrite", "cut", "name", "remove"}
LOOKING = {"look", "ask", "list", "open", "read"}
_LOOKS = {str(KINDS.index(kind)) for kind in LOOKING}

HALF = -1
"""In the place of an error: the call does a half of what it is asked for, as it may, and says so."""
_OUT = {"create", "write", "overwrite", "cut", "sync", "name", "remove"}
_NEW = {"create", "write", "sync", "name"}
ERRORS = {
    errno.EIO: LOOKING | _OUT,
    errno.EACCES: {"look", "list", "open", "create", "name", "remove"},
    errno.EMFILE: {"list", "open", "create"},
    errno.ENOSPC: _NEW,
    errno.EROFS: _OUT - {"sync"},
    errno.ENOLCK: {"lock"},
    errno.EINTR: {"open", "create", "read", "write", "overwrite", "cut", "lock"},
    HALF: {"read", "write", "overwrite"},
    errno.EDQUOT: _NEW,
    errno.EPERM: {"create", "name", "remove"},
    errno.ENFILE: {"list", "open", "create"},
    errno.ENOMEM: {"look", "list", "open", "create", "name", "remove"},
    errno.EFBIG: {"write"},
}
"""The kinds of calls that can fail so."""
SELDOM = (errno.EDQUOT, errno.EPERM, errno.ENFILE, errno.ENOMEM, errno.EFBIG)
"""What is answered as one of the others is."""
LASTING = (errno.EIO, errno.ENOSPC, errno.EROFS, errno.EMFILE)
"""What may stay so once it has begun."""
TRACED = signal.SIGRTMIN + 5
"""As in the library: the signal at which who makes a call is written down."""
_STATE = struct.Struct("iiiiiiii")
_WATCH, _KILL, _FAIL, _HALF = range(4)


class Fault(NamedTuple):
    """At the first call from the `point`-th on (from 1) that it fits: death, or with `error` a failure.

    `lasting`: that of all later ones that it fits too.
    """

    point: int = 0
    error: int = 0
    lasting: bool = False

    def __str__(self) -> str:
        return f"{self.what}{' from' if self.lasting else ' at'} call {self.point}"

    @property
    def what(self) -> str:
        if self.error == HALF:
            return "a half"
        return errno.errorcode[self.error] if self.error else "SIGKILL" if self.point else "nothing"


class Call(NamedTuple):
    """One that was made. `inode`, `size`: of what is written or synced, afterwards. `error`: 0 when it succeeded.

    `place`: the line of the program, and those of all its callers, where that was asked for.
    """

    number: int
    process: int
    name: str
    kind: str
    inode: int
    size: int
    error: int
    injected: bool
    path: str
    other: str
    place: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.path.rpartition('/.temp')[2] or '.'}"


def lacking() -> str:
    """What this system lacks for the library, empty when nothing."""
    if sys.platform != "linux":
        return "only for Linux"
    return "" if shutil.which("cc") else "no C compiler"


def preloaded(place: Path) -> dict[str, str]:
    """The variables with which a process has the library, which is built in that folder."""
    library, state, log = place / "fault.so", place / "state", place / "log"
    if not library.exists():
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True)
        state.write_bytes(bytes(_STATE.size))
        log.touch()
    return {"LD_PRELOAD": str(library), "FAULT_STATE": str(state), "FAULT_LOG": str(log)}


class Faults:
    """What the library is told, and what it tells: for the one process that plans them."""

    def __init__(self) -> None:
        self._log = os.environ["FAULT_LOG"]
        with open(os.environ["FAULT_STATE"], "r+b") as file:
            self._state = mmap.mmap(file.fileno(), _STATE.size)

    def arm(self, fault: Fault) -> None:
        """Count from now on, in a new log."""
        fitting = sum(1 << KINDS.index(kind) for kind in ERRORS.get(fault.error, KINDS))
        action = _HALF if fault.error == HALF else _FAIL if fault.error else _KILL if fault.point else _WATCH
        os.truncate(self._log, 0)
        self._state[:] = _STATE.pack(1, 0, fault.point, action, fault.error, fitting, fault.lasting, 0)

    def disarm(self, looks: bool = False) -> list[Call]:
        """The calls since; those that only look, and were not struck, with `looks`: there are many."""
        self._state[:] = bytes(_STATE.size)
        found: list[Call] = []
        frames = ""
        with open(self._log, encoding="utf-8", errors="replace") as file:
            for line in file:
                if line[0].isdigit():
                    words = line.rstrip("\n").split("\t")
                    if looks or words[3] not in _LOOKS or words[7] == "1":
                        found.append(_call(words, frames))
                    frames = ""
                elif line.startswith("  "):
                    frames += line
        return found

    @contextmanager
    def placed(self) -> Iterator[None]:
        """The calls of what is forked meanwhile have their places; those of programs that it starts have none."""
        with open(self._log, "ab") as log:
            faulthandler.register(TRACED, log, all_threads=False)
            try:
                yield
            finally:
                faulthandler.unregister(TRACED)


def _call(words: Sequence[str], place: str) -> Call:
    number, process, name, kind, inode, size, error, injected, path, other = words
    return Call(
        *(int(number), int(process), name, KINDS[int(kind)], int(inode), int(size), int(error)),
        *(injected == "1", path, other, place),
    )
