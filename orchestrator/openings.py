"""Who else has a file open: Linux says it by the leases it grants on files."""

from __future__ import annotations

import errno
import fcntl
import os
import sys
from pathlib import Path


def is_being_written(path: Path) -> bool:
    """True when a process has this regular file open for writing; False also where the system does not say."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return has_writer(descriptor)
    finally:
        os.close(descriptor)


def has_writer(descriptor: int) -> bool:
    """Asked of Linux by a read lease, which it grants only when nobody writes, and which ends with the descriptor.

    Whoever opens the file for writing in that instant is the reason for a signal to us: one that is ignored unless
    handled.
    """
    if sys.platform != "linux":
        return False
    try:
        _lease(descriptor, fcntl.F_RDLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    return False


def is_open_here_alone(descriptor: int) -> bool:
    """True when nobody else has this file open: asked by a write lease, which makes others wait for the descriptor."""
    if sys.platform != "linux":
        return False
    try:
        _lease(descriptor, fcntl.F_WRLCK)
    except OSError:
        return False
    return True


def _lease(descriptor: int, kind: int) -> None:
    import signal  # as ctypes

    fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, kind)
