"""What is done in a forked process of its own, so that nothing it does to itself stays: it may break, or never end."""

from __future__ import annotations

import os
import pickle
import resource
import select
import signal
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from proof.folder import MEMORY

Found = TypeVar("Found")

LARGEST = 256 << 20
"""Bytes of a file, and ..."""
SPACE = 4 << 30
"""bytes of memory, for what would take ever more."""


class Endless(Exception):
    """It did not come to an end in its time."""


class Ended(Exception):
    """It ended without a word."""


def apart(act: Callable[[], Found], seconds: float) -> Found:
    """What that returns, picklable; it must catch what it raises. `seconds` of a clock, and of each processor."""
    reading, writing = os.pipe()
    with tempfile.TemporaryDirectory(dir=MEMORY, ignore_cleanup_errors=True) as place:
        os.chmod(place, 0o755)  # for what is tried as another user
        child = os.fork()
        if not child:
            with suppress(BaseException):
                os.setpgid(0, 0)
                _limit(int(seconds))
                tempfile.tempdir = place
                _quiet()
                found = pickle.dumps(act())
                with open(writing, "wb") as file:
                    file.write(found)
            os._exit(0)
        os.close(writing)
        try:
            return _received(reading, time.monotonic() + seconds)
        finally:
            os.close(reading)
            with suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _limit(seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST, LARGEST))
    resource.setrlimit(resource.RLIMIT_AS, (SPACE, SPACE))


def _quiet() -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nothing, descriptor)


def _received(reading: int, until: float) -> Found:  # type: ignore[type-var]
    data = b""
    while ready := select.select([reading], [], [], max(0.0, until - time.monotonic()))[0]:
        if not (more := os.read(reading, 1 << 20)):
            break
        data += more
    if not ready:
        raise Endless
    if not data:
        raise Ended
    found: Found = pickle.loads(data)
    return found
