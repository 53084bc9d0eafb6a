"""A disk that remembers each write and each flush: a file system in user space with one file, for a loop device.

`python -m proof.blocklog MOUNTPOINT IMAGE LOG` serves it. What is written to `mark` beside `disk` is remembered between
the writes: it says what had happened by then.
"""

from __future__ import annotations

import errno
import mmap
import stat
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HEAD = struct.Struct("<cQI")
WRITE, FLUSH, MARK = b"w", b"f", b"m"


@dataclass(frozen=True)
class Record:
    kind: bytes
    offset: int
    data: bytes


def records(log: Path) -> Iterator[Record]:
    """What happened to the disk, in order."""
    with log.open("rb") as file:
        while head := file.read(HEAD.size):
            kind, offset, size = HEAD.unpack(head)
            yield Record(kind, offset, file.read(size))


def serve(mountpoint: str, image: str, log: str) -> None:
    """Until it is unmounted. The image itself stays as it is."""
    import mfusepy

    with open(image, "rb") as file, open(log, "wb", buffering=0) as out:
        held = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)

        def remember(kind: bytes, offset: int = 0, data: bytes = b"") -> None:
            out.write(HEAD.pack(kind, offset, len(data)) + data)

        class Disk(mfusepy.Operations):  # type: ignore[misc]
            use_ns = True

            def getattr(self, path: str, handle: int | None = None) -> dict[str, int]:
                if path == "/":
                    return {"st_mode": stat.S_IFDIR | 0o700, "st_nlink": 2}
                if path not in ("/disk", "/mark"):
                    raise mfusepy.FuseOSError(errno.ENOENT)
                size = len(held) if path == "/disk" else 0
                return {"st_mode": stat.S_IFREG | 0o600, "st_nlink": 1, "st_size": size}

            def read(self, path: str, size: int, offset: int, handle: int) -> bytes:
                return held[offset : offset + size]

            def write(self, path: str, data: bytes, offset: int, handle: int) -> int:
                if path == "/mark":
                    remember(MARK, data=data)
                else:
                    held[offset : offset + len(data)] = data
                    remember(WRITE, offset, data)
                return len(data)

            def truncate(self, path: str, length: int, handle: int | None = None) -> None:
                """The mark is opened anew each time."""

            def fsync(self, path: str, datasync: int, handle: int) -> int:
                remember(FLUSH)
                return 0

        mfusepy.FUSE(Disk(), mountpoint, foreground=True, nothreads=True)


if __name__ == "__main__":
    serve(*sys.argv[1:])
