"""Commands that outlive their owner, with real processes that are really killed."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator import process
from orchestrator.process import Command, Ending

ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
OWNER = """
import asyncio, sys
from pathlib import Path
from orchestrator import process
folder, script, seconds = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
command = process.Command(folder, ("bash", "-c", script), folder.parent, {"PATH": "/usr/bin:/bin"}, seconds)
asyncio.run(process.run(command))
"""
WAITS = "echo ready > ready; read line < gate; echo $line"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a task of its own: beside it only commands of this test are looked for."""
    commands = tmp_path / "K7Q2MX"
    commands.mkdir()
    for name in ("ready", "gate", "alive"):
        os.mkfifo(commands / name)
    return process.fresh(commands, "call")


def command(folder: Path, script: str, seconds: float = 60) -> Command:
    return Command(folder, ("bash", "-c", script), folder.parent, ENVIRONMENT, seconds)


def run(folder: Path, script: str, seconds: float = 60) -> process.Fate:
    return asyncio.run(process.run(command(folder, script, seconds)))


def settle(folder: Path) -> process.Fate:
    return asyncio.run(process.settle(folder))


def orphan(folder: Path, script: str = WAITS, seconds: float = 60) -> None:
    """A command whose owner was killed while it ran."""
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(folder), script, str(seconds)])
    assert (folder.parent / "ready").read_text() == "ready\n"
    owner.kill()
    owner.wait()


def listen(folder: Path) -> int:
    """A reader of the FIFO `alive`: at its end when every process that has it open for writing is gone."""
    return os.open(folder.parent / "alive", os.O_RDONLY | os.O_NONBLOCK)


def everybody_gone(reader: int) -> bool:
    os.set_blocking(reader, True)
    with os.fdopen(reader, "rb") as file:
        return file.read() == b""


def test_the_exit_code_and_both_streams_in_order_come_back(folder):
    assert run(folder, "echo out; echo err >&2; exit 3") == Ending(3, None, b"out\nerr\n")


def test_a_signal_is_an_exit_code_as_shells_count_it(folder):
    assert run(folder, "kill -KILL $$") == Ending(137, None, b"")


def test_a_broken_pipe_ends_a_command_as_it_does_in_a_shell(folder):
    assert run(folder, "yes | head -n 1") == Ending(0, None, b"y\n")


def test_the_command_sees_only_the_environment_it_is_given(folder):
    fate = run(folder, "env")
    assert isinstance(fate, Ending)
    names = {line.partition(b"=")[0].decode() for line in fate.output.splitlines()}
    assert names - {"_", "LC_CTYPE"} == {"PATH", "PWD", "SHLVL"}


def test_the_command_does_not_inherit_the_lock(folder):
    fate = run(folder, "ls /proc/self/fd")
    assert isinstance(fate, Ending)
    assert set(fate.output.split()) <= {b"0", b"1", b"2", b"3"}


def test_a_program_that_is_not_there_ends_with_127(folder):
    fate = asyncio.run(process.run(Command(folder, ("no-such-program",), folder, ENVIRONMENT, 60)))
    assert fate == Ending(127, None, b"no-such-program: No such file or directory\n")


def test_the_limit_kills_the_whole_group(folder):
    alive = listen(folder)
    fate = run(folder, "exec 9>alive; sleep 1000 & sleep 1000", seconds=0.3)
    assert fate == Ending(143, "timed out", b"")
    assert everybody_gone(alive)


def test_what_ignores_the_request_to_end_is_killed_all_the_same(folder):
    alive = listen(folder)
    fate = run(folder, "trap '' TERM; exec 9>alive; sleep 1000 & while :; do sleep 1000; done", seconds=0.1)
    assert fate == Ending(137, "timed out", b"")
    assert everybody_gone(alive)


def test_a_background_child_that_holds_the_output_neither_hangs_the_call_nor_outlives_it(folder):
    alive = listen(folder)
    assert run(folder, "exec 9>alive; sleep 1000 & echo done") == Ending(0, None, b"done\n")
    assert everybody_gone(alive)


def test_a_command_that_floods_the_disk_is_ended(folder):
    fate = run(folder, "yes")
    assert isinstance(fate, Ending)
    assert (fate.reason, len(fate.output)) == ("too much output", process.LARGEST_OUTPUT)


def test_a_cancelled_owner_kills_the_group_and_leaves_a_status(folder):
    alive = listen(folder)

    async def cancelled() -> None:
        running = asyncio.create_task(process.run(command(folder, f"exec 9>alive; sleep 1000 & {WAITS}")))
        await asyncio.to_thread((folder.parent / "ready").read_text)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cancelled())
    assert everybody_gone(alive)
    assert settle(folder) == Ending(143, "stopped", b"")


def test_an_interrupt_of_the_terminal_does_not_reach_the_command(folder):
    fate = run(folder, "ps -o pgid= -p $$; ps -o pgid= -p $PPID; ps -o tty= -p $$")
    assert isinstance(fate, Ending)
    groups = fate.output.split()
    assert str(os.getpgrp()).encode() not in groups[:2]
    assert groups[2] == b"?"


def test_a_killed_owners_command_goes_on_and_the_next_owner_waits_for_it(folder):
    orphan(folder)

    async def attached() -> process.Fate:
        waiting = asyncio.create_task(process.settle(folder))
        await asyncio.to_thread((folder.parent / "gate").write_text, "hello\n")
        return await waiting

    assert asyncio.run(attached()) == Ending(0, None, b"hello\n")
    assert settle(folder) == Ending(0, None, b"hello\n"), "the status stays for whoever asks again"


def test_an_owner_cancelled_while_attached_kills_the_group(folder):
    alive = listen(folder)
    orphan(folder, f"exec 9>alive; sleep 1000 & {WAITS}")

    async def cancelled() -> None:
        attached = asyncio.create_task(process.settle(folder))
        await asyncio.to_thread(lambda: None)
        attached.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attached

    asyncio.run(cancelled())
    assert everybody_gone(alive)
    assert settle(folder) == Ending(143, "stopped", b"")


def test_anybody_may_end_a_command_whose_owner_is_gone_and_nothing_else_is_hit(folder):
    alive = listen(folder)
    orphan(folder, f"exec 9>alive; sleep 1000 & {WAITS}")
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as bystander:
        (folder / "started").write_text(str(bystander.pid))
        process.end(folder)
        assert everybody_gone(alive)
        assert settle(folder) == Ending(143, "stopped", b"")
        process.end(folder)
        assert bystander.poll() is None
        bystander.stdin.close()
    assert bystander.returncode == 0
    process.forget(folder.parent, "call")
    process.end(folder)


def test_the_limit_holds_when_the_owner_is_gone(folder):
    alive = listen(folder)
    orphan(folder, f"exec 9>alive; {WAITS}", seconds=0.3)
    assert everybody_gone(alive)
    assert settle(folder) == Ending(143, "timed out", b"")


def test_a_command_whose_wrapper_died_has_an_unknown_outcome(folder):
    orphan(folder)
    os.kill(int((folder / "started").read_text()), signal.SIGKILL)
    assert settle(folder) == "unknown"
    (folder.parent / "gate").write_text("go\n")


def test_a_torn_status_is_an_unknown_outcome(folder):
    run(folder, "true")
    (folder / "status").write_text("")
    assert settle(folder) == "unknown"


def test_a_command_that_was_never_launched_is_known_not_to_have_run(folder):
    assert settle(folder) == "never started"
    (folder / "lock").touch()
    assert settle(folder) == "never started"


def test_call_ids_of_any_server_name_a_folder_inside_the_commands(tmp_path):
    assert process.folder(tmp_path, "toolu_01-a") == tmp_path / "toolu_01-a"
    for call in ("../x", "a/b", "", "a\n", "x" * 300):
        assert process.folder(tmp_path, call).parent == tmp_path
        assert process.folder(tmp_path, call).name.isalnum()


def test_a_fresh_folder_knows_nothing_of_an_older_call_of_the_same_id(folder):
    run(folder, "true")
    assert settle(process.fresh(folder.parent, "call")) == "never started"
    process.forget(folder.parent, "call")
    assert not folder.exists()
