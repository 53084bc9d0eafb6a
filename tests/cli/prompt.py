"""Commands as processes forked from one that has imported everything: what a start costs is paid once.

How the command starts is tried where `Shell.start` starts it, and by the sessions of the documentation.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

LONGEST = 60
"""Seconds that a command may take."""
OWN = ("PYTHON", "LC_", "LANG", "LD_")
"""How variables begin that count when a process starts."""


class Prompt:
    """Runs one command at a time."""

    def __init__(self) -> None:
        self._free = threading.Lock()
        self._socket: socket.socket | None = None

    def run(
        self, words: Sequence[str], directory: Path, environment: Mapping[str, str], typed: str | None
    ) -> tuple[int, str, str] | None:
        """The exit code, and what was written. None when a process has to be started for it."""
        if any(name.startswith(OWN) for name in environment) or not self._free.acquire(blocking=False):
            return None
        try:
            with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
                given.write((typed or "").encode())
                given.seek(0)
                code = self._asked([given, out, err], {"words": words, "cwd": str(directory), "env": {**environment}})
                out.seek(0)
                err.seek(0)
                return code, out.read().decode(), err.read().decode()
        finally:
            self._free.release()

    def _asked(self, files: list[IO[bytes]], request: object) -> int:
        if self._socket is None:
            self._socket, theirs = socket.socketpair()
            self._socket.settimeout(LONGEST)
            command, nothing = [sys.executable, __file__, str(theirs.fileno())], subprocess.DEVNULL
            kept = {"PATH": os.environ["PATH"]}
            server = subprocess.Popen(command, env=kept, pass_fds=[theirs.fileno()], stdin=nothing, stdout=nothing)
            atexit.register(server.kill)
            theirs.close()
        data = json.dumps(request).encode()
        socket.send_fds(self._socket, [len(data).to_bytes(4, "big")], [file.fileno() for file in files])
        self._socket.sendall(data)
        return int.from_bytes(self._socket.recv(4), "big", signed=True)


def serve(connection: socket.socket) -> None:
    """Fork for each request, until nobody is there any more."""
    while True:
        size, files, _, _ = socket.recv_fds(connection, 4, 3)
        if not size:
            return
        data = b""
        while len(data) < int.from_bytes(size, "big"):
            data += connection.recv(1 << 16)
        child = os.fork()
        if not child:
            connection.close()
            _become(json.loads(data), files)
        for file in files:
            os.close(file)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        connection.sendall(code.to_bytes(4, "big", signed=True))


def _become(request: dict[str, object], files: list[int]) -> None:
    """A process as `python -m orchestrator` is one."""
    code = 70
    try:
        for descriptor, file in enumerate(files):
            os.dup2(file, descriptor)
            os.close(file)
        os.chdir(str(request["cwd"]))
        os.environ.clear()
        os.environ.update(request["env"])  # type: ignore[call-overload]
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.argv = ["orchestrator", *request["words"]]  # type: ignore[misc]
        from orchestrator.cli import main

        try:
            code = main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _import_all() -> None:
    import pkgutil
    from contextlib import suppress
    from importlib import import_module

    import anthropic  # noqa: F401

    import orchestrator

    for module in pkgutil.walk_packages(orchestrator.__path__, "orchestrator."):
        if not module.name.endswith(("__main__", ".wrapper")):
            with suppress(ImportError):  # of a provider that is not installed
                import_module(module.name)


if __name__ == "__main__":
    import gc

    _import_all()
    gc.collect()
    gc.freeze()
    serve(socket.socket(fileno=int(sys.argv[1])))
