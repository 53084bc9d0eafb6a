"""What strace sees of a command: every system call, by whatever way it was made."""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from proof.fault import Call

_ALIKE = {
    **dict.fromkeys(("openat", "opendir"), "open"),
    **{name: name.removesuffix("64") for name in ("pread64", "pwrite64", "ftruncate64", "truncate64", "sendfile64")},
}
NAMES = (
    *("open", "read", "write", "pread", "pwrite", "ftruncate", "truncate", "sendfile", "fsync", "fdatasync"),
    *(
        "rename",
        "renameat",
        "renameat2",
        "link",
        "linkat",
        "symlink",
        "unlink",
        "unlinkat",
        "rmdir",
        "mkdir",
        "mkdirat",
    ),
    *("utimensat", "chmod", "fchmod", "flock", "fcntl"),
)
"""The calls compared. Looking and listing have one name in the library and another one in the kernel."""
_LINE = re.compile(r"\d+ +(\w+)\((.*)")
_OPENED = re.compile(r"(?:^|, )(?:AT_FDCWD|\d+)<([^>]*)>")
_NAMED = re.compile(r'"([^"]*)"')
_RELEASED = re.compile(r"\bLOCK_UN\b|F_OFD_SETLKW?, \{l_type=F_UNLCK")
_OF_LOCKS = re.compile(r"F_OFD_SETLKW?|F_SETLEASE")
_OURS = re.compile(r"/\.temp(/|$)")


def lacking() -> str:
    return "" if shutil.which("strace") else "strace is not installed"


def words(report: Path) -> tuple[str, ...]:
    """What a command is started under, for its calls to be in that file. Contents are left out, paths are not."""
    return ("strace", "-f", "-y", "-qq", "-s", "0", "-o", str(report), "-e", "trace=%file,%desc")


def seen(report: Path) -> Counter[str]:
    """The calls on paths under a `.temp`."""
    found: Counter[str] = Counter()
    for line in report.read_text(errors="replace").splitlines():
        if not (match := _LINE.match(line)):
            continue
        name, rest = _alike(match[1]), match[2]
        if _RELEASED.search(rest) or (name == "fcntl" and not _OF_LOCKS.search(rest)):
            continue
        if name in NAMES and any(map(_OURS.search, _paths(rest))):
            found[name] += 1
    return found


def noted(calls: Iterable[Call]) -> Counter[str]:
    """The same of what the library noted."""
    names = (_alike(call.name) for call in calls)
    return Counter(name for name in names if name in NAMES)


def _alike(name: str) -> str:
    return _ALIKE.get(name, name)


def _paths(rest: str) -> list[str]:
    opened, named = _OPENED.findall(rest), _NAMED.findall(rest)
    if not any(named):
        return opened[:1]
    return [os.path.join(opened[0] if opened else "", name) for name in named]
