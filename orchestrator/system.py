"""What the system says of itself: since when it runs, its processes, its file systems."""

from __future__ import annotations

import os
import re
import struct
import sys
from functools import cache, lru_cache
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
"""What is mounted where, as Linux tells it."""
_OCTAL = re.compile(r"\\([0-7]{3})")
"""How the system writes blanks and backslashes in the name of a mount."""
_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "glusterfs", "lustre", "afs", "ncpfs", "fuse.sshfs"}


@cache
def boot() -> str:
    """An id of this run of the system: the same until it is started again."""
    if sys.platform == "darwin":
        return _sysctl("kern.bootsessionuuid").rstrip(b"\0").decode()
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return f"boot-{boot_time():.0f}"


@cache
def boot_time() -> float:
    """When the system started, seconds since the epoch."""
    if sys.platform == "darwin":
        seconds, microseconds = struct.unpack_from("@qi", _sysctl("kern.boottime"))
        return float(seconds + microseconds / 1e6)
    try:
        for line in Path("/proc/stat").read_text().splitlines():
            if line.startswith("btime "):
                return float(line.split()[1])
    except OSError:
        pass
    import time

    return time.time() - time.monotonic()


def _sysctl(name: str) -> bytes:
    """What macOS says of itself under a name; raises OSError."""
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    value = ctypes.create_string_buffer(256)
    size = ctypes.c_size_t(len(value))
    if library.sysctlbyname(name.encode(), value, ctypes.byref(size), None, ctypes.c_size_t(0)):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), name)
    return value.raw[: size.value]


def process_start(pid: int) -> str | None:
    """When a process started, in the kernel's clock ticks: with the pid and the boot it names a process for good."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        return None


def network_file_system(path: Path) -> str | None:
    """The kind of network file system a path leads to, None for a local one (or where the system does not say)."""
    try:
        rows = _mounted(MOUNTS.read_bytes())
    except OSError:
        return None
    place, best, kind = os.path.realpath(path), "", ""
    for mount, its_kind in rows:
        if len(mount) >= len(best) and f"{place}/".startswith(mount.rstrip("/") + "/"):
            best, kind = mount, its_kind
    return kind if kind in _NETWORK else None


@lru_cache(maxsize=1)
def _mounted(mounts: bytes) -> list[tuple[str, str]]:
    """The places where file systems are mounted, with their kinds, of a `mountinfo` as proc(5) describes it."""
    rows = []
    for line in os.fsdecode(mounts).rstrip("\n").split("\n"):
        left, right = line.split(" - ", 1)
        rows.append((_OCTAL.sub(lambda found: chr(int(found[1], 8)), left.split()[4]), right.split()[0]))
    return rows
