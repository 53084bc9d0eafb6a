"""A process of its own that does one thing: it can be stopped, continued and killed, and its end is waited for."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from typing import Generic, TypeVar, cast

Found = TypeVar("Found")


class Killed(Exception):
    """The process was killed: it told nothing."""


class Child(Generic[Found]):
    """Forked at once. What `work` returns, or how it failed, is told by `result`."""

    def __init__(self, work: Callable[[], Found]) -> None:
        self._told = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `result`
        self.pid = os.fork()
        if self.pid:
            return
        try:
            pickle.dump(work(), self._told)
            self._told.flush()
        finally:
            if error := sys.exc_info()[1]:
                traceback.print_exception(error)
                self._told.write(pickle.dumps(error))
                self._told.flush()
            os._exit(bool(error))

    def result(self) -> Found:
        """Waits for its end; raises what it raised, and Killed when it was."""
        if isinstance(told := self._end(), BaseException):
            raise told
        return told

    def failure(self) -> str | None:
        """Waits for its end; what it raised, unless it was killed."""
        told = self._end()
        return repr(told) if isinstance(told, BaseException) and not isinstance(told, Killed) else None

    def _end(self) -> Found | BaseException:
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        with self._told:
            self._told.seek(0)
            return Killed(self.pid) if code == -signal.SIGKILL else cast(Found, pickle.load(self._told))

    def stop(self) -> None:
        """Returns once it stands still."""
        os.kill(self.pid, signal.SIGSTOP)
        self.stopped()

    def stopped(self) -> bool:
        """Waits until it stands still; False when it ended instead (`result` still tells how)."""
        status = os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        return status is not None and status.si_code == os.CLD_STOPPED

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> str | None:
        """Whatever it was doing; `failure`, had it ended before."""
        os.kill(self.pid, signal.SIGKILL)
        return self.failure()

    @property
    def ended(self) -> bool:
        """Asked without waiting."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
