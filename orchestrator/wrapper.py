"""Runs one command and leaves its end on the disk; started by `process.py`, with nothing but the standard library.

    python -I -S wrapper.py FOLDER LOCK SECONDS LARGEST COMMAND…

LOCK is an inherited descriptor, locked by whoever started this: the lock lasts as long as this process. `started` is
durable before the command is launched, `status` appears by rename when it has ended. SIGTERM, a file `stop`, the limit
of time and that of output kill the command's whole group; so does its end: nothing it left in the background outlives
it.
"""

import json
import os
import signal
import sys
import time
from contextlib import suppress

GRACE = 2.0
TICK = 0.1
STOP = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
AWAITED = STOP | {signal.SIGCHLD, signal.SIGALRM}


def main(folder: str, lock: str, seconds: str, largest: str, *command: str) -> None:
    os.set_inheritable(int(lock), False)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # some systems drop a signal nobody handles, even a blocked one
    signal.pthread_sigmask(signal.SIG_BLOCK, AWAITED)
    output = os.open(os.path.join(folder, "output"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    _note_start(folder)
    try:
        child = os.posix_spawnp(
            command[0],
            command,
            os.environ,
            file_actions=[(os.POSIX_SPAWN_DUP2, output, 1), (os.POSIX_SPAWN_DUP2, output, 2)],
            setpgroup=0,
            setsigmask=(),
            setsigdef=(signal.SIGPIPE, signal.SIGXFSZ, signal.SIGQUIT, *AWAITED),
        )
    except OSError as error:
        os.write(output, f"{command[0]}: {error.strerror}\n".encode())
        _leave(folder, {"exit_code": 127, "reason": None})
        return
    stop = os.path.join(folder, "stop")
    reason = _wait(child, output, time.monotonic() + float(seconds), int(largest), stop)
    if reason:
        _kill(child, signal.SIGTERM)
        _wait(child, output, time.monotonic() + GRACE, sys.maxsize, stop)
    _kill(child, signal.SIGKILL)  # the leader is not reaped yet: its id cannot be another's
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    _leave(folder, {"exit_code": code if code >= 0 else 128 - code, "reason": reason})


def _wait(child: int, output: int, deadline: float, largest: int, stop: str) -> str | None:
    """Wait for the end of the command, or for the reason to end it."""
    signal.setitimer(signal.ITIMER_REAL, TICK, TICK)
    while os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if signal.sigwait(AWAITED) in STOP or _is_taken(stop):
            return "stopped"
        if time.monotonic() >= deadline:
            return "timed out"
        if os.fstat(output).st_size > largest:
            return "too much output"
    return None


def _is_taken(file: str) -> bool:
    """True when the file was there: it is not any more, so each is heeded once."""
    try:
        os.unlink(file)
    except OSError:
        return False
    return True


def _kill(group: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _note_start(folder: str) -> None:
    descriptor = os.open(os.path.join(folder, "started"), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.write(descriptor, str(os.getpid()).encode())
    os.fsync(descriptor)
    for directory in (folder, os.path.dirname(folder)):
        opened = os.open(directory, os.O_RDONLY)
        os.fsync(opened)
        os.close(opened)


def _leave(folder: str, status: dict[str, object]) -> None:
    written = os.path.join(folder, "status.new")
    with open(written, "w", encoding="utf-8") as file:
        json.dump(status, file)
    os.rename(written, os.path.join(folder, "status"))


if __name__ == "__main__":
    main(*sys.argv[1:])
