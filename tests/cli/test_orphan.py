"""A command that outlived its worker, and a worker that outlives its task: what is told of them, and what ends them."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal

from .conftest import Shell
from .test_background import SLEEP, begun

AFTER = """
- calls:
    - Bash: {command: 'true'}
- calls:
    - Sync: {check_items: [{item: c1, evidence: [R3]}]}
    - Finish: {summary: Understood.}
"""
STILL = re.compile(r"its command still runs: it outlived its worker; orchestrator stop [A-Z0-9]{6} ends it")


def at_work(shell: Shell) -> str:
    """A task whose worker, of another process, runs a command that ends only when it is ended."""
    task = shell("run", "clerk", "Write", "--detach", "--yes").out.strip()
    begun(shell)
    return task


def kill_worker(shell: Shell, task: str) -> None:
    worker = json.loads(shell("show", task, "--json").out)["worker"]
    os.kill(int(worker.split()[1]), signal.SIGKILL)
    with shell.engine() as engine:
        while engine.at_work(task):
            os.sched_yield()


def orphaned(shell: Shell) -> str:
    task = at_work(shell)
    kill_worker(shell, task)
    return task


def await_end(shell: Shell, task: str) -> None:
    """Waits until no command of the task runs; who watches over it leaves first how it ended."""
    (folder,) = (shell.temp / ".orchestrator" / "commands" / task).glob("*/")
    with (folder / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
    assert json.loads((folder / "status").read_text()) == {"exit_code": 143, "reason": "stopped"}


def test_it_is_told_and_stop_ends_it_and_resume_hears_how(shell: Shell) -> None:
    with shell.model(SLEEP + AFTER) as server:
        task = orphaned(shell)
        assert any(map(STILL.fullmatch, json.loads(shell("why", task, "--json").out)["why"]))
        renamed = shell("rename", task)
        assert renamed.code == 1
        assert f"by a command that outlived its worker: `orchestrator stop {task}` ends it" in renamed.err
        assert shell("stop", "--all").out == f"{task} is stopped: its command ends\n"
        await_end(shell, task)
        assert not STILL.search(shell("why", task).out)
        assert shell("stop", task).out == "nothing was at work\n"
        assert shell("resume", task, "--yes").code == 0
        assert "Command was stopped before it ended" in json.dumps(server.requests[1]["messages"][-1])


def test_cancel_ends_it_and_keeps_how_it_ended(shell: Shell) -> None:
    with shell.model(SLEEP):
        task = orphaned(shell)
    assert shell("cancel", task).out == f"{task} is cancelled: its command ends\n"
    await_end(shell, task)
    assert json.loads(shell("cancel", task, "--json").out)["command"] is False


def test_one_of_a_worker_that_died_after_it_was_stopped_or_cancelled_is_ended_too(shell: Shell) -> None:
    with shell.model(SLEEP):
        task = at_work(shell)
        shell("cancel", task)
        kill_worker(shell, task)
    status, (_, still), then = (json.loads(shell("why", task, "--json").out)[key] for key in ("status", "why", "next"))
    assert (status, bool(STILL.fullmatch(still)), then) == ("cancelled", True, [f"orchestrator reopen {task}"])
    stopped = json.loads(shell("stop", task, "--json").out)["tasks"]
    assert stopped == [{"task": task, "worker": None, "command": True}]
    await_end(shell, task)
    assert json.loads(shell("stop", task, "--json").out)["tasks"] == []


def test_a_cancelled_task_whose_worker_runs_its_call_says_so_and_stop_ends_the_call(shell: Shell) -> None:
    with shell.model(SLEEP):
        task = at_work(shell)
        assert re.fullmatch(
            rf"orchestrator: reopen refused: task {task} is in-progress, so it is open: "
            rf"pid \d+ on \S+ is at work on it: orchestrator log {task} --follow\n",
            shell("reopen", task).err,
        )
        busy = shell("resume", task, "--yes")
        assert busy.code == 1
        assert f"`orchestrator wait {task}` waits for it, `orchestrator stop {task}` ends it" in busy.err
        shell("cancel", task)
        said = json.loads(shell("why", task, "--json").out)
        assert re.fullmatch(r"pid \d+ on \S+ is still at work, and ends after its current call", said["why"][1])
        assert said["next"] == [f"orchestrator wait {task}", f"orchestrator reopen {task}"]
        assert re.fullmatch(rf"{task} is cancelled: its command, then pid \d+ on \S+ ends\n", shell("stop", task).out)
        assert shell("wait", task).code == 5
    assert "cancelled" in shell("status", "--all").out


def test_a_reopened_task_names_the_worker_that_still_ends_its_call(shell: Shell) -> None:
    with shell.model(SLEEP):
        task = at_work(shell)
        shell("cancel", task)
        told = shell("reopen", task).out.splitlines()[-2:]
        assert re.fullmatch(rf"pid \d+ on \S+ ends after its current call: orchestrator wait {task}", told[0])
        assert told[1] == f"go on with: orchestrator resume {task}"
        ends = rf"pid \d+ on \S+ ends after its current call: orchestrator wait {task}"
        more = shell("continue", task, "Write more")
        assert (more.code, more.out.splitlines()[1]) == (0, told[1])
        assert re.fullmatch(rf"{task} has more to do, item c\d; {ends}", more.out.splitlines()[0])
        assert re.fullmatch(rf"{ends}\n{told[1]}\n", shell("continue", task).out)
        assert shell("tell", task, "Hurry").out == f"{task} hears of it when it is resumed\n"
        said = json.loads(shell("why", task, "--json").out)
        assert re.fullmatch(r"pid \d+ on \S+ is still at work, and ends after its current call", said["why"][0])
        assert said["next"] == [f"orchestrator wait {task}", f"orchestrator resume {task}"]
        kill_worker(shell, task)
    assert shell("stop", task).out == f"{task} is stopped: its command ends\n"
    await_end(shell, task)
