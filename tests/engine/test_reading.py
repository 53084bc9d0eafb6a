"""How a file is read: whole or not at all, by name in what is raised, and let go of whatever happens."""

from __future__ import annotations

import errno
import gc
import os
from pathlib import Path

import pytest

from orchestrator import files

GROWING = Path("/proc/self/status")
"""Longer than the system says, which is empty."""
SHORT = Path("/sys/kernel/uevent_seqnum")
"""Shorter than the system says, which is a page."""


def opened() -> int:
    gc.collect()  # what others left is closed before it is counted
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(files.LARGEST + 1)
    return path


def test_what_is_too_large_is_named_and_not_read(large: Path) -> None:
    with pytest.raises(OSError, match="larger than 64 MiB") as raised:
        files.read(large)
    assert (raised.value.errno, raised.value.filename) == (errno.EFBIG, str(large))
    os.truncate(large, files.LARGEST)
    assert files.read(large) == bytes(files.LARGEST)


def test_what_the_system_says_when_it_cannot_be_read_names_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(descriptor: int, size: int) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "read", broken)
    with pytest.raises(OSError, match="Input/output error") as raised:
        files.read(Path(__file__))
    assert raised.value.filename == str(Path(__file__))


@pytest.mark.skipif(not GROWING.exists(), reason="no /proc")
def test_nothing_stays_open(tmp_path: Path, large: Path) -> None:
    (small := tmp_path / "small").write_bytes(b"text")
    before = opened()
    for path in (small, large, tmp_path, tmp_path / "none"):
        try:
            files.read(path)
        except OSError:
            continue
    assert files.untouched(small, b"text")
    assert files.untouched(small, b"other") is None
    assert opened() == before


@pytest.mark.skipif(not GROWING.exists(), reason="no /proc")
def test_what_grows_while_it_is_read_is_read_to_its_end() -> None:
    assert GROWING.stat().st_size == 0
    text = files.read(GROWING)
    assert text is not None
    assert text.startswith(b"Name:")
    assert text.splitlines()[-1].startswith(b"nonvoluntary_ctxt_switches:")


@pytest.mark.skipif(not SHORT.exists(), reason="no /sys")
def test_what_is_shorter_than_the_system_says_is_not_believed() -> None:
    with SHORT.open("rb") as file, pytest.raises(OSError, match="shorter than the system says") as raised:
        files.read_open(file.fileno())
    assert raised.value.errno == errno.EIO
