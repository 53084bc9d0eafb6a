"""A workspace in which commands are run, as a person starts them or forked, and what they say."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

Words = tuple[str, ...]
ONLY = "ONLY"
"""Stands for the id of the only task there is, which was drawn."""


class Ended(NamedTuple):
    """A process that ended; a negative code is a signal's."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Project:
    """A workspace, beside what the commands said."""

    place: Path

    @property
    def workspace(self) -> Path:
        return self.place / "workspace"

    @property
    def temp(self) -> Path:
        return self.workspace / ".temp"

    def said(self, words: Words) -> Words:
        journals = self.temp / ".orchestrator" / "journal"
        return tuple(next(journals.rglob("*.jsonl")).stem if word == ONLY else word for word in words)

    def age(self) -> None:
        """Nothing in the `.temp` is young any more."""
        for path in (self.temp, *self.temp.rglob("*")):
            os.utime(path, (0, 0))

    def real(self, *words: str, under: Words = ()) -> Ended:
        """The command as a person starts it, perhaps under another program."""
        command = [*under, sys.executable, "-m", "orchestrator", *self.said(words)]
        nothing = subprocess.DEVNULL
        with open(self.place / "out", "wb") as out, open(self.place / "err", "wb") as err:
            code = subprocess.call(command, cwd=str(self.workspace), stdin=nothing, stdout=out, stderr=err)
        return self._ended(code)

    def forked(self, *words: str) -> Ended:
        """The same in a process forked from this one, which has imported everything already."""
        words = self.said(words)
        child = os.fork()
        if not child:
            self._become(words)
        return self._ended(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    def imported(self, *words: str) -> list[str]:
        """The modules that a process has when it ends which does the same."""
        words = self.said(words)
        if not (child := os.fork()):
            self._become(words, lambda: (self.place / "modules").write_text("\n".join(sys.modules)))
        os.waitpid(child, 0)
        return (self.place / "modules").read_text().splitlines()

    def _become(self, words: Words, last: Callable[[], object] = bool) -> None:
        code = 70
        try:
            os.chdir(self.workspace)
            for descriptor, path in enumerate((Path(os.devnull), self.place / "out", self.place / "err")):
                opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
                os.dup2(opened, descriptor)
                os.close(opened)
            from orchestrator.cli import main

            code = main(list(words))
            last()
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)

    def _ended(self, code: int) -> Ended:
        return Ended(code, (self.place / "out").read_text(), (self.place / "err").read_text())
