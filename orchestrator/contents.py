"""What files held, each content under the SHA-256 of its bytes: exact, so private."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

from orchestrator import files
from orchestrator.files import Disk


class Contents:
    """A folder of contents. What is not in it, or does not fit its name, was not kept."""

    def __init__(self, folder: Path, disk: Disk) -> None:
        self.folder = folder
        self._disk = disk

    def keep(self, data: bytes, *, durable: bool = False) -> str:
        """Keep a content and return its SHA-256; on the disk when this returns only if `durable`. Raises OSError.

        What is there already is made young, so that `prune` spares it.
        """
        name = hashlib.sha256(data).hexdigest()
        path = self.folder / name
        if durable or not _refreshed(path, len(data)):  # what is there may be torn: durable is only what was synced
            staged = self.folder / f".{secrets.token_hex(8)}"
            self._disk.create(staged, data, 0o600, sync=durable)
            self._disk.move(staged, path)
        if durable:
            self._disk.sync_directory(self.folder)
        return name

    def read(self, digest: str) -> bytes | None:
        """The content, None when it was not kept."""
        try:
            data = files.read(self.folder / digest)
        except OSError:
            return None
        return data if data is not None and hashlib.sha256(data).hexdigest() == digest else None


def _refreshed(path: Path, size: int) -> bool:
    """True when a file of that size is there, which is young from now on."""
    try:
        os.utime(path)
        return path.stat().st_size == size
    except FileNotFoundError:
        return False
