"""Bash: what the model is told, where the next command starts, what the receipt holds, what a killed owner leaves."""

import asyncio
import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest

from orchestrator.errors import ToolError
from orchestrator.events import DirectoryChanged, FileChange
from orchestrator.evidence import flaw
from orchestrator.masking import Mask

OWNER = """
import asyncio, sys
from pathlib import Path
from types import SimpleNamespace
from orchestrator.contents import Contents
from orchestrator.files import Disk
from orchestrator.tools import accept, catalog
from orchestrator.tools.tool import Workplace
workspace, call, command = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
async def permit(command):
    return True
temp = workspace / ".temp"
task = SimpleNamespace(directory=".", receipts=(), pending=())
place = Workplace(workspace, temp, task, temp / ".orchestrator/commands/K7Q2MX", {"PATH": "/usr/bin:/bin"}, permit, str,
    Contents(temp / ".orchestrator/contents", Disk()), (), None, str)
bash = catalog()["Bash"]
asyncio.run(bash.run(call, accept(bash, {"command": command}), place))
"""


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def orphan(agent, given):
    """The intent of a command that runs on after its owner was killed. It waits for a line from the FIFO `gate`."""
    os.mkfifo(agent.workspace / "ready")
    os.mkfifo(agent.workspace / "gate")
    (intent,) = agent.intend(("Bash", given))
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(agent.workspace), intent.call, given["command"]])
    assert (agent.workspace / "ready").read_text() == "ready\n"
    owner.kill()
    owner.wait()
    return intent


def test_output_without_its_last_newline_and_the_exit_code_come_back(agent):
    result = agent.call("Bash", command="echo out; echo err >&2")
    assert (result.text, result.outcome, result.command, result.exit_code) == (
        "out\nerr",
        "ok",
        "echo out; echo err >&2",
        0,
    )
    assert agent.call("Bash", command="true").text == "(Bash completed with no output)"


def test_a_failing_command_is_an_error_with_its_exit_code_first(agent):
    result = agent.call("Bash", command="echo out; exit 3")
    assert (result.text, result.outcome, result.exit_code) == ("Exit code 3\nout", "error", 3)


def test_a_command_over_its_limit_says_so(agent):
    result = agent.call("Bash", command="echo out; sleep 1000", timeout=500)
    assert result.text == "Exit code 143\nCommand timed out after 0.5s\nout"
    assert result.outcome == "error"


def test_long_output_is_cut_in_the_middle_and_kept_whole(agent):
    result = agent.call("Bash", command="seq 20000")
    whole = "".join(f"{number}\n" for number in range(1, 20001))
    assert result.output == sha(whole)
    assert agent.kept == {sha(whole): whole.encode()}
    left_out = f"[{len(whole) - 30_001} characters left out; the whole output is kept as {sha(whole)}]"
    assert result.text == f"{whole[:15_000]}\n{left_out}\n{whole[-15_001:-1]}"


def test_a_refused_command_does_not_run(agent):
    agent.permitted = False
    result = agent.call("Bash", command="touch a.txt")
    assert (result.outcome, agent.asked) == ("refused", ["touch a.txt"])
    assert "refused" in result.text
    assert not (agent.workspace / "a.txt").exists()
    assert not agent.task.receipts[-1].effectful


def test_what_cannot_be_done_is_said_before_anything_runs(agent):
    assert "run_in_background is not available" in agent.error("Bash", command="true", run_in_background=True)
    assert "does not fit" in agent.error("Bash", command="true", timeout=600_001)
    assert "could not be started" in agent.error("Bash", command="true " + "x" * 200_000)


# -- the working directory


def test_the_directory_persists_also_after_exit_and_nothing_else_does(agent):
    result = agent.call("Bash", command="mkdir -p a/b; cd a; cd b; X=1; exit 2")
    assert result.events == (DirectoryChanged(path="a/b"),)
    again = agent.call("Bash", command='pwd; echo "[$X]"')
    assert again.text == f"{agent.workspace}/a/b\n[]"
    assert again.events == ()


@pytest.mark.skipif(os.path.exists("/workspace"), reason="/workspace is there")
@pytest.mark.parametrize("command", ["cat /workspace/a.js", "cd '/workspace' && ls", "node --check=/workspace/a.js"])
@pytest.mark.parametrize("code", [0, 1])
def test_a_command_that_names_the_workspace_of_definitions_is_told_the_real_one(agent, command, code):
    result = agent.call("Bash", command=f"{command}; exit {code}")
    assert result.text.endswith(f"\nThere is no /workspace for a command: write {agent.workspace} in its place")


@pytest.mark.parametrize("command", ["ls ./workspace/a.js", "ls /workspaces/a /x/workspace"])
def test_no_other_command_hears_of_it(agent, command):
    assert "There is no" not in agent.call("Bash", command=command).text


def test_a_directory_outside_the_workspace_is_reset_and_said(agent):
    agent.call("Bash", command="mkdir a; cd a")
    result = agent.call("Bash", command="cd /; pwd")
    assert result.text == f"/\nShell cwd was reset to {agent.workspace}"
    assert result.events == (DirectoryChanged(path="."),)


def test_a_directory_that_is_gone_is_replaced_by_the_workspace(agent):
    agent.call("Bash", command="mkdir a; cd a")
    (agent.workspace / "a").rmdir()
    assert agent.call("Bash", command="pwd").text == str(agent.workspace)


def test_noting_the_directory_shows_neither_in_a_trace_nor_in_the_environment(agent):
    text = agent.call("Bash", command="set -x; cd .temp; echo $BASH_ENV").text
    assert text == "+ cd .temp\n+ echo"


# -- the receipt


def test_the_receipt_names_each_file_the_command_changed(agent):
    for name in ("same", "changed", "gone"):
        (agent.workspace / name).write_text(name)
    files = agent.call("Bash", command="mkdir d; echo new > d/new; echo x > changed; rm gone; touch same").files
    assert files == (
        FileChange(path="changed", before=sha("changed"), after=sha("x\n")),
        FileChange(path="d/new", before=None, after=sha("new\n")),
        FileChange(path="gone", before=sha("gone"), after=None),
    )


def test_what_changed_between_two_commands_is_not_taken_for_the_seconds_doing(agent):
    agent.call("Bash", command="echo one > a.txt")
    (agent.workspace / "a.txt").write_text("two")
    assert agent.call("Bash", command="true").files == ()
    assert agent.call("Bash", command="echo three > a.txt").files == (
        FileChange(path="a.txt", before=sha("two"), after=sha("three\n")),
    )


def test_temp_git_and_node_modules_are_not_looked_at(agent):
    assert agent.call("Bash", command="mkdir .git node_modules; touch .git/a node_modules/b .temp/c").files == ()


def test_a_file_the_command_changed_may_be_edited_without_reading_it_again(agent):
    agent.call("Write", file_path="a.txt", content="one\n")
    agent.call("Bash", command="echo two > a.txt")
    agent.call("Edit", file_path="a.txt", old_string="two", new_string="three")
    assert (agent.workspace / "a.txt").read_text() == "three\n"


def test_secrets_are_never_in_a_commands_environment(agent):
    environment = {
        "PATH": "/usr/bin:/bin",
        "ANTHROPIC_API_KEY": "sk-ant-api03-abcdefghij",
        "COPY": "x sk-ant-api03-abcdefghij",
        "DB_PASSWORD": "hunter2hunter2",
        "URL": "http://me:hunter2hunter2@db",
    }
    agent.environment = Mask.from_environment(environment).environment(environment)
    text = agent.call("Bash", command="env; cat /proc/$PPID/environ").text
    assert "sk-ant" not in text
    assert "hunter2" not in text


# -- a process that died


def test_a_command_whose_owner_was_killed_is_waited_for_and_told_as_if_nothing_had_happened(agent):
    given = {"command": "mkdir d; cd d; echo ready > ../ready; read line < ../gate; echo $line | tee out; exit 4"}
    intent = orphan(agent, given)

    async def attached():
        waiting = asyncio.create_task(asyncio.to_thread(agent.settle, intent, given))
        await asyncio.to_thread((agent.workspace / "gate").write_text, "hello\n")
        return await waiting

    result = asyncio.run(attached())
    assert (result.text, result.outcome, result.exit_code) == ("Exit code 4\nhello", "error", 4)
    assert result.files == (FileChange(path="d/out", before=None, after=sha("hello\n")),)
    assert result.events == (DirectoryChanged(path="d"),)


def test_a_command_whose_end_nobody_saw_is_not_repeated_but_said(agent):
    given = {"command": "echo ready > ready; read line < gate; echo again >> log"}
    intent = orphan(agent, given)
    folder = agent.place.commands / intent.call
    os.kill(int((folder / "started").read_text()), signal.SIGKILL)
    result = agent.settle(intent, given)
    assert (result.outcome, result.exit_code) == ("unknown", None)
    assert "was not run again" in result.text
    assert agent.task.receipts[-1].effectful
    (agent.workspace / "gate").write_text("go\n")


def test_a_command_that_never_started_is_run_with_permission(agent):
    given = {"command": "echo hello"}
    (intent,) = agent.intend(("Bash", given))
    assert agent.settle(intent, given).text == "hello"
    assert agent.asked == ["echo hello"]
    assert intent.command == "echo hello"


def test_a_command_stopped_with_its_owner_says_so_when_the_task_resumes(agent):
    given = {"command": "echo ready > ready; sleep 1000"}
    intent = orphan(agent, given)
    os.kill(int((agent.place.commands / intent.call / "started").read_text()), signal.SIGTERM)
    assert agent.settle(intent, given).text == "Exit code 143\nCommand was stopped before it ended"


def test_a_snapshot_torn_by_a_crash_is_taken_anew(agent):
    agent.call("Bash", command="echo one > a.txt")
    (agent.place.commands / "workspace.json").write_text('{"a.txt": [1')
    assert agent.call("Bash", command="echo two > a.txt").files[0].before == sha("one\n")
    assert list(json.loads((agent.place.commands / "workspace.json").read_text())) == ["a.txt"]


def test_a_command_whose_first_snapshot_was_lost_claims_no_files(agent):
    (agent.workspace / "a.txt").write_text("old")
    given = {"command": "echo new > b.txt"}
    (intent,) = agent.intend(("Bash", given))
    agent.run(intent, given)
    (agent.place.commands / intent.call / "before.json").write_text("")
    assert agent.settle(intent, given).files == ()


# -- commands of other tasks


def other(agent):
    """Another task's agent in the same workspace."""
    return replace(agent, task=replace(agent.task, id="M4T9WC"))


@contextmanager
def running(agent, command="true"):
    """While a command of the agent runs. It writes `ready` first, runs to the gate, and does this before its end."""
    for name in ("ready", "gate"):
        os.mkfifo(agent.workspace / name)
    with ThreadPoolExecutor() as pool:
        ended = pool.submit(agent.call, "Bash", command=f"echo ready >ready; read line <gate; {command}")
        assert (agent.workspace / "ready").read_text() == "ready\n"
        yield
        (agent.workspace / "gate").write_text("go\n")
        ended.result()


def test_what_changed_while_a_command_of_another_task_ran_is_in_both_receipts_as_shared(agent):
    architect = other(agent)
    with running(agent, "touch mine.txt"):
        inside = architect.call("Bash", command="touch theirs.txt").files
    [theirs] = inside
    assert theirs == FileChange(path="theirs.txt", before=None, after=sha(""), shared=True)
    assert agent.task.receipts[-1].files == (theirs.model_copy(update={"path": "mine.txt"}), theirs)


def test_commands_one_after_another_share_nothing(agent):
    architect = other(agent)
    agent.call("Bash", command="touch mine.txt")
    assert [change.shared for change in architect.call("Bash", command="rm mine.txt").files] == [False]
    assert [change.shared for change in agent.call("Bash", command="touch mine.txt").files] == [False]


def test_a_command_that_died_does_not_share_what_others_do(agent):
    given = {"command": "echo ready > ready; read line < gate"}
    intent = orphan(agent, given)
    folder = agent.place.commands / intent.call
    during = other(agent).call("Bash", command="touch a.txt").files
    os.kill(int((folder / "started").read_text()), signal.SIGKILL)
    with open(folder / "lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # once it is gone
    after = other(agent).call("Bash", command="touch b.txt").files
    assert [[change.shared for change in files] for files in (during, after)] == [[True], [False]]
    assert [change.path for change in agent.settle(intent, given).files if change.shared] == ["a.txt", "b.txt"]


def test_a_file_that_another_task_may_have_changed_is_read_before_it_is_edited(agent):
    agent.call("Write", file_path="a.txt", content="one\n")
    with running(agent):
        other(agent).call("Bash", command="echo two > a.txt")
    assert "has been modified since read" in agent.error("Edit", file_path="a.txt", old_string="two", new_string="2")
    agent.call("Read", file_path="a.txt")
    agent.call("Edit", file_path="a.txt", old_string="two", new_string="2")


def test_a_shared_change_proves_no_item_that_names_the_file_but_a_later_look_does(agent):
    with running(agent):
        other(agent).call("Bash", command="echo two > a.txt")
    agent.call("Read", file_path="a.txt")
    seen, looked = agent.task.receipts
    assert flaw("Write a.txt", 0, [seen.id], agent.task.receipts) == "the item names a.txt, which none of R1 touched"
    assert flaw("Write a.txt", 0, [looked.id], agent.task.receipts) is None


def test_a_flaw_in_the_input_is_named_as_agents_know_it(agent):
    with pytest.raises(ToolError) as raised:
        agent.call("Bash", cmd="x")
    assert str(raised.value) == (
        "<tool_use_error>InputValidationError: Bash failed due to the following issues:\n"
        "The required parameter `command` is missing\n"
        "An unexpected parameter `cmd` was provided</tool_use_error>"
    )


def test_a_command_ends_with_the_time_of_its_task_and_none_is_begun_after_that(agent):
    agent.deadline = time.monotonic() + 0.3
    result = agent.call("Bash", command="echo begun; sleep 600")
    assert "Command timed out after 0." in result.text
    assert (agent.call("Bash", command="touch late").outcome, (agent.workspace / "late").exists()) == ("refused", False)
