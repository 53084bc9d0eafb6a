"""Work in a process of its own, which goes on when the terminal is closed."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.cli.project import Project
from orchestrator.errors import OrchestratorError

if TYPE_CHECKING:
    from orchestrator.engine import Engine

PAUSE = 0.02
"""Seconds between looks whether it has begun, which its worker does with a new epoch."""


def resume(project: Project, engine: Engine, task_id: str, options: list[str]) -> Path:
    """Have a process resume the task: it has begun when this returns. Returns the file that has what it says.

    Raises OrchestratorError, with its last words, when it ends before that.
    """
    import subprocess

    before = engine.refresh(task_id).task.epoch
    log = engine.folder.log(task_id)
    engine.folder.disk.make_directories(log.parent, 0o700)
    words = [sys.executable, "-m", "orchestrator", "--project", str(project.workspace), "resume", task_id, *options]
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    begun = os.fstat(descriptor).st_size
    try:
        process = subprocess.Popen(
            words,
            cwd=project.workspace,
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            start_new_session=True,
        )
    finally:
        os.close(descriptor)
    while engine.refresh(task_id).task.epoch == before:
        if process.poll() is not None and engine.refresh(task_id).task.epoch == before:
            said = log.read_bytes()[begun:].decode("utf-8", "replace").strip().splitlines()
            raise OrchestratorError(said[-1].removeprefix("orchestrator: ") if said else "it ended at once")
        time.sleep(PAUSE)
    process.returncode = 0  # nobody waits for it
    return log
