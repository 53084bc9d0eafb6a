"""`--output stream-json`: what happens, a JSON object a line, while it happens."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

import pytest

from .conftest import Ended, Shell, interrupt, shell_in
from .test_resume import WAITING

TURNS = r"""
- say: "I clear \x1b[2J your screen, Grüße."
  calls:
    - Sync: {add_items: [{text: notes.txt says hello}]}  # R1
    - Write: {file_path: "{{workspace}}/notes.txt", content: hello}  # R2
    - Bash: {command: echo a-secret-of-mine}
- calls:
    - Sync: {check_items: [{item: c1, evidence: [R2]}]}
    - Finish: {summary: There is a note.}
"""
BLOCKED = "[{calls: [{Sync: {raise_blockers: [No ink]}}]}, {say: So I stop.}]"


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(row) for row in text.splitlines()]


@dataclass
class Run:
    ended: Ended
    lines: list[dict[str, Any]]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["type"] == kind]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    shell = shell_in(tmp_path_factory.mktemp("run"))
    shell.environment["MY_SECRET"] = "a-secret-of-mine"
    with shell.model(TURNS):
        ended = shell("run", "clerk", "Write a note", "--yes", "--output", "stream-json")
    return Run(ended, lines(ended.out))


def test_each_line_names_what_happened_to_which_task_and_nothing_else_is_said(run: Run) -> None:
    assert run.ended.code == 0, run.ended.err
    assert run.ended.err == ""
    assert run.ended.out.isascii()
    assert [line["type"] for line in run.lines] == [
        *("started", "asking", "said", "call", "call", "call", "ended", "ended", "ended"),
        *("asking", "call", "call", "ended", "ended", "done", "result"),
    ]
    assert len({line["task"] for line in run.lines}) == 1
    assert all(line["at"].endswith("Z") for line in run.lines[:-1])


def test_a_call_and_its_end_are_joined_by_its_id_and_the_receipt_says_what_it_did(run: Run) -> None:
    calls, ends = run.of("call"), run.of("ended")
    assert [line["call"] for line in calls] == [line["receipt"]["call"] for line in ends]
    assert calls[1]["tool"] == "Write"
    assert calls[1]["input"]["content"] == "hello"
    assert [change["path"] for change in ends[1]["receipt"]["files"]] == ["notes.txt"]
    assert "notes.txt" in ends[1]["text"]


def test_turns_usage_and_items_tell_how_far_it_is(run: Run) -> None:
    assert [line["turns"] for line in run.of("asking")] == [0, 1]
    assert run.of("done")[0]["items"] == {"done": 1, "total": 1}
    assert run.of("done")[0]["usage"] == run.lines[-1]["usage"]


def test_the_last_line_is_the_object_of_json(run: Run) -> None:
    result = run.lines[-1]
    assert (result["status"], result["exit_code"], result["summary"]) == ("archived", 0, "There is a note.")
    assert result["files"]["created"] == ["notes.txt"]


def test_no_line_holds_a_secret(run: Run) -> None:
    assert "a-secret-of-mine" not in run.ended.out
    assert run.of("call")[2]["input"]["command"] == "echo [masked MY_SECRET]"


@pytest.mark.parametrize("option", [["--json"], ["--output", "json"], ["--output", "text", "--json"]])
def test_json_is_short_for_output_json(shell: Shell, option: list[str]) -> None:
    with shell.model(BLOCKED):
        ended = shell("run", "clerk", "Try", *option)
    assert ended.code == 3
    assert json.loads(ended.out)["status"] == "blocked"


def test_every_task_has_its_result_also_one_that_could_not_begin(shell: Shell) -> None:
    one, two = shell.task("Write one"), shell.task("Write two", agent="ghost")
    with shell.model(BLOCKED):
        ended = shell("resume", "--all", "--output", "stream-json")
    results = {line["task"]: line for line in lines(ended.out) if line["type"] == "result"}
    assert ended.code == 3
    assert (results[one.id]["status"], results[two.id]["exit_code"]) == ("blocked", 2)
    assert [line["reason"] for line in lines(ended.out) if line["type"] == "stopped"] == ["No ink"]
    assert len(ended.err.splitlines()) == 2


def test_a_line_is_there_as_soon_as_it_happened(shell: Shell) -> None:
    os.mkfifo(shell.project / "door")
    with shell.model("[{calls: [{Bash: {command: cat door}}]}]"):
        process = shell.start("run", "clerk", "Listen", "--yes", "--output", "stream-json")
        assert process.stdout
        seen = [json.loads(process.stdout.readline()) for _ in range(3)]
        ended = interrupt(process)  # the command still waits at the door
    assert seen[-1]["input"] == {"command": "cat door"}
    assert ended.code == 130


@pytest.mark.parametrize("output", ["stream-json", "text"])
def test_when_the_reader_leaves_the_run_stops_and_can_be_resumed_with_nothing_lost(shell: Shell, output: str) -> None:
    door = shell.project / "door"
    os.mkfifo(door)
    with shell.model(WAITING.replace("cat door", "cat door >>heard").replace("  expect: Command was stopped", "  #")):
        process = shell.start("run", "clerk", "Listen", "--yes", "--output", output)
        assert process.stdout
        assert process.stderr
        with door.open("w") as sound:  # opens once the command reads
            process.stdout.close()
            sound.write("knock\n")
        said = process.stderr.read()
        process.stderr.close()
        assert process.wait() == 130
        assert said.startswith(
            "orchestrator: the output is read no longer, so this stops; nothing is lost; resume with"
        )
        assert said.count("\n") == 1
        assert shell("resume", "--yes").code == 0
    assert (shell.project / "heard").read_text() == "knock\n"


@pytest.mark.parametrize("output", ["stream-json", "text"])
def test_an_output_that_cannot_be_written_stops_the_run_and_names_the_command_that_goes_on(
    shell: Shell, output: str
) -> None:
    with shell.model(TURNS):
        with open("/dev/full", "w") as full:
            process = shell.start("run", "clerk", "Note it", "--yes", "--output", output, stdout=full)
            _, said = process.communicate()
        assert shell("resume", "--yes").code == 0
    assert process.returncode == 130
    assert said.count("\n") == 1
    why = "the output cannot be written (No space left on device), so this stops"
    assert said.startswith(f"orchestrator: {why}; nothing is lost; resume with: orchestrator resume ")


def test_the_demo_streams_too(shell: Shell) -> None:
    ended = shell("demo", "--output", "stream-json")
    assert ended.code == 0, ended.err
    assert [line["type"] for line in lines(ended.out)].count("done") == 2
    assert [line["type"] for line in lines(ended.out)][-2:] == ["result", "result"]
