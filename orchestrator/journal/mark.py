"""The mark in a task's lock file: a letter, the boot id, the revision up to which documents were synced, and words.

`D` from before an append until after its sync, else `C`. `doubted`: a sync of documents has failed, and they were not
written anew since. `rebooted`: what power took is not seen to yet. The mark is never synced, because it must live
exactly as long as the page cache: whoever finds `D` of this boot, or no mark at all, knows that the last line, or the
journal's name, may be only in the cache of a process that died, and writes the journal anew before trusting it.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress

from orchestrator import system
from orchestrator.files import Disk
from orchestrator.locks import Lock

_SIZE = 80
_FORM = re.compile(r"([CD]) (\S+) (\d+)( doubted)?( rebooted)? *")


class Mark:
    """Read and written under the lock."""

    def __init__(self, lock: Lock, disk: Disk) -> None:
        self.durable = 0
        self._lock = lock
        self._disk = disk
        self.read()

    def read(self) -> bool:
        """Take in what it says; False where the journal is to be written anew."""
        found = os.pread(self._lock.descriptor, _SIZE, 0).decode("ascii", "replace")
        match = _FORM.fullmatch(found)  # of what a power cut left there not even a number is to be believed
        letter, boot, revision, doubted, rebooted = match.groups() if match else ("", "", "0", None, None)
        same = boot == system.boot()
        self.doubted = same and bool(doubted)
        self.rebooted = not same or bool(rebooted)
        self.durable = max(self.durable, int(revision))
        return letter == "C" or (letter == "D" and not same)

    def begin(self) -> None:
        """Nothing holds any more that was said of a journal which had this id before."""
        self.durable = 0
        self.doubted = self.rebooted = False
        self.write("D")

    def write(self, letter: str) -> None:
        words = " doubted" * self.doubted + " rebooted" * self.rebooted
        text = f"{letter} {system.boot()} {self.durable}{words}".ljust(_SIZE)
        self._disk.mark(self._lock.descriptor, self._lock.path, text.encode())

    def clean(self) -> None:
        """Left dirty, it only makes the next reader write the journal anew."""
        with suppress(OSError):
            self.write("C")
