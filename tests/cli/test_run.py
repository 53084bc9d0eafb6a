"""`orchestrator run`: one agent, one task, until it is archived."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from .conftest import Ended, Shell, shell_in
from .test_team import models

EVERYTHING = r"""
- say: "I clear \x1b[2J your screen and turn \u202Egnp.exe around."
  calls:
    - Sync: {phase: writing, add_items: [{text: notes.txt says hello}, {text: "The files are listed\x07"}]}  # R1
    - Fly: {to: the moon}
    - Read: {path: nowhere}
- say: Those were mistakes.
  expect: 'No such tool available: Fly'
  calls:
    - Write: {file_path: "{{workspace}}/notes.txt", content: hello}  # R4
    - Bash: {command: rm -rf everything}
    - Sync: {next_steps: [List the files]}
- say: Then I only look.
  expect: Permission to use Bash with this command was refused
  calls:
    - Bash: {command: ls notes.txt}  # R7
- say: Done.
  calls:
    - Sync: {check_items: [{item: c1, evidence: [R4]}, {item: c2, evidence: [R7]}]}
    - Finish: {summary: "There is a note.\x1b]0;owned\x07"}
"""
SHORT = """
- fault: {status: 429, retry_after: 0}
  calls:
    - Sync: {add_items: [{text: The task is understood}]}
    - Bash: {command: 'true'}
- calls:
    - Sync: {check_items: [{item: c1, evidence: [R2]}]}
    - Finish: {summary: Understood.}
"""


@dataclass
class Run:
    shell: Shell
    ended: Ended
    told: str


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One run with everything in it, its output piped, its task typed."""
    shell = shell_in(tmp_path_factory.mktemp("run"))
    shell.temp.mkdir()
    (shell.temp / "plan-AAAA22.md").write_text("made by hand\n")
    with shell.model(EVERYTHING) as server:
        ended = shell("run", "clerk", "--allow", "Bash(ls:*)", typed="Write a note\nand look\x1b[0m at it\n")
    return Run(shell, ended, json.dumps(server.requests[-1]))


def test_a_done_task_is_archived_and_exits_with_0(run: Run) -> None:
    assert run.ended.code == 0, run.ended.err
    (name,) = (path.name for path in (run.shell.temp / "completed").glob("plan-*.md"))
    assert f".temp/completed/{name}" in run.ended.out
    assert (run.shell.project / "notes.txt").read_text() == "hello"


def test_the_task_is_read_from_standard_input(run: Run) -> None:
    (status,) = (run.shell.temp / "completed").glob("task-status-*.json")
    assert json.loads(status.read_text())["description"].startswith("Write a note\nand look")


def test_progress_names_task_turn_call_and_items_done(run: Run) -> None:
    lines = run.ended.out.splitlines()
    assert any(re.fullmatch(r"[A-Z0-9]{6}   2  ✓ Write  notes\.txt", row) for row in lines)
    assert any(
        re.fullmatch(r"[A-Z0-9]{6}   1  ✓ Sync   phase writing, 2 new items +0/2  \d+k tokens", row) for row in lines
    )
    assert any(re.fullmatch(r"[A-Z0-9]{6}   4  ✓ Sync   2 checked +2/2  \d+k tokens", row) for row in lines)


def test_what_is_piped_has_no_colour_and_no_waiting_line(run: Run) -> None:
    assert "\x1b" not in run.ended.out + run.ended.err
    assert "\r" not in run.ended.out + run.ended.err


def test_what_an_agent_says_cannot_steer_the_terminal(run: Run) -> None:
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", run.ended.out + run.ended.err)
    assert "␛[2J" in run.ended.out
    assert "<U+202E>" in run.ended.out
    assert "␛]0;owned␇" in run.ended.out


def test_an_unknown_tool_and_inputs_that_do_not_fit_are_shown_and_told_to_the_model(run: Run) -> None:
    assert re.search(r"✗ Fly .*No such tool available: Fly", run.ended.out)
    assert "✗ Read" in run.ended.out
    assert "file_path" in run.told


def test_without_a_terminal_a_command_that_no_rule_allows_is_refused_and_the_model_is_told(run: Run) -> None:
    assert "✗ Bash   rm -rf everything" in run.ended.out
    assert "Permission to use Bash with this command was refused" in run.told
    assert run.ended.err == (
        "orchestrator: a command was refused, there was nobody to ask; allow with --yes, or one by one with\n"
        "  --allow 'Bash(rm -rf everything)'\n"
    )


def test_every_refused_command_is_given_whole_so_that_it_can_be_pasted(shell: Shell) -> None:
    commands = ["echo 'a  b'", "echo one\necho two", "echo one\necho two", f"echo {'x' * 200}", "rm *.o"]
    calls = ", ".join(f"{{Bash: {{command: {json.dumps(command)}}}}}" for command in commands)
    with shell.model(f"[{{calls: [{{Sync: {{raise_blockers: [No]}}}}, {calls}]}}, {{say: I stop.}}]"):
        rows = shell("run", "clerk", "Try").err.splitlines()
    assert rows[0].startswith("orchestrator: 4 commands were refused")
    pasted = [subprocess.check_output(["bash", "-c", f"printf '%s\\0' {row}"], text=True) for row in rows[1:4]]
    assert pasted == [f"--allow\0Bash({command})\0" for command in (commands[0], commands[1], commands[3])]
    assert rows[4] == "  no rule can name 'rm *.o'"


def test_a_failed_command_s_output_keeps_its_lines(shell: Shell) -> None:
    lines = 'for i in 1 2 3 4 5 6 7 8 9; do echo \\"  line $i\\"; done; exit 3'
    with shell.model(
        f'[{{calls: [{{Bash: {{command: "{lines}"}}}}, {{Sync: {{raise_blockers: [No]}}}}]}}, {{say: No.}}]'
    ):
        out = shell("run", "clerk", "Try", "--yes").out
    gap = " " * 21
    assert f"\n{gap}Exit code 3\n{gap}  line 1\n{gap}…\n{gap}  line 6\n" in out
    assert f"\n{gap}  line 9\n" in out


def test_tools_there_are_not_and_a_mistyped_model_are_named(shell: Shell) -> None:
    front = "name: wide\ndescription: d\ntools: Read, WebSearch, mcp__db__query, Bash(ls:*)\nmodel: sonet"
    shell.agent("wide", f"---\n{front}\n---\n")
    tools, model, _ = shell("run", "wide", "Look").err.splitlines()
    assert tools.startswith("orchestrator: wide asks for tools that are not offered: WebSearch, mcp__db__query; ")
    assert model.endswith("the model 'sonet' is no short name and is asked for as it is: did you mean sonnet?")
    assert len(shell("run", "clerk", "Look", "--model", "claude-sonnet-5-5").err.splitlines()) == 1


def test_a_command_that_a_rule_allows_runs(run: Run) -> None:
    assert "✓ Bash   ls notes.txt" in run.ended.out


def test_files_somebody_keeps_by_hand_are_not_touched(run: Run) -> None:
    assert (run.shell.temp / "plan-AAAA22.md").read_text() == "made by hand\n"


def test_json_is_one_object_on_stdout_with_the_progress_on_stderr_and_a_429_is_waited_out(shell: Shell) -> None:
    with shell.model(SHORT):
        ended = shell("run", "clerk", "Understand", "--yes", "--json", "--mode", "lightweight", "--verify", "true")
    said = json.loads(ended.out)
    assert ended.code == said["exit_code"] == 0
    assert said["status"] == "archived"
    assert said["error"] is None
    assert said["files"] == {"created": [], "modified": [], "deleted": [], "shared": []}
    assert said["turns"] == 2
    assert said["usage"]["total"] > 0
    assert said["summary"] == "Understood."
    assert all((shell.project / path).exists() for path in said["documents"])
    assert set(said) == {
        *("task", "exit_code", "error", "seconds", "agent", "status", "documents", "files", "turns", "usage"),
        *("summary", "result"),
    }
    assert "✓ Finish" in ended.err


def test_a_blocked_task_exits_with_3_and_says_how_to_go_on(shell: Shell) -> None:
    with shell.model("[{calls: [{Sync: {raise_blockers: [The key is lost]}}]}, {say: I cannot go on.}]"):
        ended = shell("run", "clerk", "Open the door")
    assert ended.code == 3
    assert re.search(r"^orchestrator: task (\w{6}) is blocked: The key is lost; go on with: .* resume \1$", ended.err)


def test_a_sentence_alone_is_the_goal_of_the_lead(shell: Shell) -> None:
    with models(shell, lead="[{calls: [{Sync: {raise_blockers: [Bricks]}}]}, {say: I need bricks.}]"):
        said = json.loads(shell("run", "Build a house", "--json").out)
    assert (said["agent"], said["status"]) == ("lead", "blocked")
    with shell.engine() as engine:
        assert engine.refresh(said["task"]).task.description == "Build a house"


def test_a_limit_exits_with_4_and_resume_goes_on_with_a_higher_one(shell: Shell) -> None:
    with shell.model(SHORT):
        stopped = shell("run", "clerk", "Understand", "--yes", "--max-turns", "1")
        assert stopped.code == 4
        (task,) = (path.stem[-6:] for path in shell.temp.glob("plan-*.md"))
        higher = f"orchestrator resume {task} --max-turns 21"
        assert f"1 of 1 turns used; go on with: {higher} --yes\n" in stopped.err
        assert f"go on with: {higher}\n" in shell("show", task).out
        assert shell("resume", task, "--max-turns", "21", "--yes").code == 0


def test_the_command_that_goes_on_repeats_what_the_run_was_allowed(shell: Shell) -> None:
    rules = ["--allow", "Bash(npm test:*)", "--allow", "Bash(echo 'a  b')"]
    with shell.model("[{calls: [{Sync: {raise_blockers: [The key is lost]}}]}, {say: I cannot go on.}]"):
        said = shell("--project", ".", "run", "clerk", "Open", *rules).err
    words = shlex.split(said.partition("; go on with: ")[2])
    assert words[:4] == ["orchestrator", "--project", ".", "resume"]
    assert words[5:] == rules


def test_a_refused_key_is_one_line_and_the_task_can_be_resumed(shell: Shell) -> None:
    with shell.model("[{fault: {status: 401, times: 1}, calls: [{Sync: {phase: on}}]}, {fault: {status: 401}}]"):
        ended = shell("run", "clerk", "Try")
        assert ended.code == 1
        assert len(ended.err.splitlines()) == 1
        assert "check ANTHROPIC_API_KEY; go on with: orchestrator resume" in ended.err
        assert re.search(r"✗ \w{6}  stopped\n  0 turns,", ended.out)
        assert "  stopped: planning" in shell("status").out
        assert json.loads(shell("show", ended.out[:6], "--json").out)["status"] == "stopped"
        assert "phase on" in shell("resume").out


@pytest.mark.parametrize("output", ["text", "json", "stream-json"])
def test_until_when_all_wait_for_the_server_is_said(shell: Shell, output: str) -> None:
    with shell.model(SHORT.replace("retry_after: 0", "retry_after: 1")):
        ended = shell("run", "clerk", "Understand", "--yes", "--output", output)
    assert ended.code == 0
    said = ended.out if output == "text" else ended.err
    assert len(re.findall(r"(?m)the server has too much to do: all wait until \d\d:\d\d:\d\d$", said)) == 1


def test_a_server_that_is_not_there_is_one_line(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    shell.environment |= {"ANTHROPIC_API_KEY": "a key", "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{port}"}
    ended = shell("run", "clerk", "Try")
    assert ended.code == 1
    assert len(ended.err.splitlines()) == 1
    assert f"no answer from http://127.0.0.1:{port}" in ended.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["clark", "x"], "orchestrator: no agent named 'clark': did you mean clerk?"),
        (["Hello"], "orchestrator: no agent named 'Hello': there are: "),
        (["torn", "x"], "torn.md: not an agent definition: its front matter has no closing ---"),
        (["clerk", "  "], "orchestrator: the task is empty"),
        (["clerk", "x", "--allow", "ls"], "orchestrator: not a rule: 'ls'"),
        (["checked", "x"], "declares the verification command `make all`: allow it with --allow 'Bash(make all)'"),
        (["clerk", "x", "--max-turns", "none"], "'none' is not a valid integer"),
    ],
)
def test_what_cannot_be_asked_for_is_one_line_and_creates_nothing(
    shell: Shell, arguments: list[str], said: str
) -> None:
    shell.agent("torn", "---\nname: torn\n")
    shell.agent("checked", "---\nname: checked\ndescription: d\nverify: [make all]\n---\n")
    shell.environment["ANTHROPIC_API_KEY"] = "a key"
    ended = shell("run", *arguments)
    assert ended.code == 2
    assert said in ended.err
    assert len(ended.err.splitlines()) == 1
    assert not list(shell.project.rglob("*.jsonl"))


def test_without_a_key_one_line_names_what_helps_and_no_task_is_left(shell: Shell) -> None:
    ended = shell("run", "clerk", "Try")
    assert ended.code == 1
    assert len(ended.err.splitlines()) == 1
    assert all(word in ended.err for word in ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "orchestrator demo"))
    assert not shell.temp.exists()


@pytest.mark.parametrize("name", ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"])
@pytest.mark.parametrize(
    ("key", "flaw"),
    [
        ("my-gateway-key-1234\r", "a line end in it"),
        ("my-gateway-\x1bkey-1234", "a control character in it"),
        ("my-gateway-këy-1234", "a character in it that is not ASCII"),
        ("my-gateway-key-1234 ", "a space before or after it"),
    ],
)
def test_a_key_that_no_request_can_carry_is_said_before_anything_is_created(
    shell: Shell, name: str, key: str, flaw: str
) -> None:
    shell.environment[name] = key
    ended = shell("run", "clerk", "Leak", "--yes")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"orchestrator: {name} has {flaw}: set it to the key and nothing else\n"
    assert not shell.temp.exists()


def test_no_secret_is_in_the_reason_for_which_a_run_ended(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    key = "my-gateway-key-1234"
    shell.environment |= {
        "ANTHROPIC_API_KEY": key,
        "ANTHROPIC_BASE_URL": f"http://user:pa55word@127.0.0.1:{port}/{key}",
    }
    ended = shell("run", "clerk", "Leak", "--yes", "--json")
    assert f"no answer from http://127.0.0.1:{port}/[masked ANTHROPIC_API_KEY]" in ended.err
    recorded = "".join(path.read_text() for path in shell.temp.rglob("*") if path.is_file())
    for secret in (key, "pa55word"):
        assert secret not in ended.err + ended.out + recorded


def test_a_command_line_that_is_refused_is_told_without_the_secret_in_it(shell: Shell) -> None:
    shell.environment["ANTHROPIC_API_KEY"] = "my-gateway-key-1234"
    ended = shell("run", "my-gateway-key-1234", "Leak")
    assert ended.code == 2
    assert "no agent named '[masked ANTHROPIC_API_KEY]'" in ended.err


def test_without_a_key_the_client_is_not_even_loaded(shell: Shell) -> None:
    code = "import sys; from orchestrator.cli import main; main(['run', 'clerk', 'x'])"
    environment = {"PATH": os.environ["PATH"], "HOME": str(shell.home)}
    command = [sys.executable, "-c", f"{code}; sys.exit('anthropic' in sys.modules)"]
    assert subprocess.run(command, cwd=shell.project, env=environment, stderr=subprocess.DEVNULL).returncode == 0


def test_a_profile_of_the_client_s_is_a_key_too(shell: Shell) -> None:
    shell.environment["ANTHROPIC_PROFILE"] = "nowhere"
    assert "none is set" not in shell("run", "clerk", "Try").err
    assert "nowhere" in shell("run", "clerk", "Try").err


def test_a_read_only_folder_is_one_line(shell: Shell) -> None:
    shell.temp.mkdir(mode=0o555)
    shell.environment["ANTHROPIC_API_KEY"] = "a key"
    ended = shell("run", "clerk", "Try", preexec_fn=obey_permissions)
    assert ended.code == 1
    assert ended.err == f"orchestrator: {shell.temp}: Permission denied: orchestrator needs to write there\n"


def obey_permissions() -> None:
    """Root gives up the right to write where the mode says no (PR_CAPBSET_DROP of CAP_DAC_OVERRIDE)."""
    import ctypes

    ctypes.CDLL(None).prctl(24, 1)


def test_a_project_is_found_from_below(shell: Shell) -> None:
    shell.temp.mkdir()
    below = shell.project / "src" / "models"
    below.mkdir(parents=True)
    ended = Shell(below, shell.home)("status", "--json")
    assert Path(json.loads(ended.out)["project"]) == shell.project.resolve()
    given = Shell(below, shell.home)("--project", ".", "status", "--json")
    assert Path(json.loads(given.out)["project"]) == below.resolve()
