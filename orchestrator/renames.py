"""The renames that POSIX lacks: two names change places, and a name that must be new. Linux and macOS have them."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Literal

Flag = Literal["exchange", "new"]

_AT_FDCWD = -100
_LINUX: dict[Flag, int] = {"exchange": 2, "new": 1}
_MACOS: dict[Flag, int] = {"exchange": 2, "new": 4}


def exchange(one: Path, other: Path) -> None:
    """The two names change places in one step (renameat2, RENAME_EXCHANGE; renamex_np, RENAME_SWAP)."""
    _rename(one, other, "exchange")


def move_new(source: Path, target: Path) -> None:
    """Rename; FileExistsError when the target exists (renameat2, RENAME_NOREPLACE; renamex_np, RENAME_EXCL)."""
    _rename(source, target, "new")


def _rename(source: Path, target: Path, flag: Flag) -> None:
    if number := _function()(os.fsencode(source), os.fsencode(target), flag):
        raise OSError(number, os.strerror(number), str(target))


@cache
def _function() -> Callable[[bytes, bytes, Flag], int]:
    """The C library's, which returns an error number; raises OSError where it has none."""
    import ctypes  # what only reads a folder starts without it

    library = ctypes.CDLL(None, use_errno=True)
    if sys.platform == "darwin":
        swap = library.renamex_np
        return lambda one, other, flag: ctypes.get_errno() if swap(one, other, _MACOS[flag]) else 0
    if not hasattr(library, "renameat2"):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    rename, here = library.renameat2, _AT_FDCWD
    return lambda one, other, flag: ctypes.get_errno() if rename(here, one, here, other, _LINUX[flag]) else 0
