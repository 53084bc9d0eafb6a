"""Killed with SIGKILL at the worst moments, and resumed: what became of the calls."""

from __future__ import annotations

import json
import os

import pytest

from orchestrator.events import MessageReceived
from orchestrator.task import Task
from orchestrator.worker import Moment

from .conftest import DONE, PLAN, WRITE, Stage

NOTICE = "The work on this task was interrupted"
BEFORE_THE_RESULTS = ("call", 0)
"""All calls of the message have run, and nothing of them is recorded."""
BEFORE_ANY_RAN = ("call", None)
BEFORE_THE_REPLY = ("recording", 0)
AFTER_THE_REPLY = ("said", 0)
BEFORE_IT_IS_TOLD = ("resumed", 0)
BEFORE_IT_IS_SENT = ("asking", None)
"""What the model is to be told is durable, and it was not asked yet."""
APPEND = "{Bash: {command: echo ran >>log.txt}}"
LATER = """
- calls:
  - Sync: {check_items: [{item: c1, evidence: [R3]}]}
  - Finish: {summary: Somebody wrote the note.}
"""


def resumed(stage: Stage, moment: tuple[str, int | None], *turns: str) -> Task:
    """The task after its worker was killed at that moment and another one went on."""
    stage.start()
    with stage.model(clerk="\n".join(turns)):
        stage.die(*moment)
        stage.work()
    end = stage.ends[stage.id]
    assert isinstance(end, Task), end
    assert end.resumed == 1
    return end


@pytest.mark.parametrize("moment", [BEFORE_ANY_RAN, BEFORE_THE_RESULTS])
def test_calls_that_were_interrupted_have_happened_once_and_the_model_is_told(
    stage: Stage, moment: tuple[str, int | None]
) -> None:
    (stage.workspace / "list.txt").write_text("pens\n")
    end = resumed(
        stage,
        moment,
        f"""
- calls:
  - {PLAN}
  - {WRITE}
  - Read: {{file_path: list.txt}}
  - Edit: {{file_path: list.txt, old_string: pens, new_string: "ink\\npens"}}
  - Edit: {{file_path: list.txt, old_string: pens, new_string: pencils}}
  - Bash: {{command: echo ran >>log.txt; echo said}}
  - Sync: {{decisions: [{{decision: Blue ink}}]}}
""",
        DONE,
    )
    assert [receipt.outcome for receipt in end.receipts[:7]] == ["ok"] * 7
    assert (stage.workspace / "log.txt").read_text() == "ran\n"
    assert (stage.workspace / "list.txt").read_text() == "ink\npencils\n"
    assert [decision.decision for decision in end.decisions] == ["Blue ink"]
    assert len(end.items) == 1
    assert NOTICE in stage.told[1]
    assert stage.told[1].count("had finished; its result is above") == 7
    assert "said\n[receipt R6]" in stage.told[1]
    changed = {change.path for receipt in end.receipts for change in receipt.files if change.before != change.after}
    assert changed == {"note.txt", "list.txt", "log.txt"}


def test_a_command_that_still_runs_is_waited_for(stage: Stage) -> None:
    """The killed worker's command waits for the pipe that the resumed worker's watcher opens."""
    os.mkfifo(stage.workspace / "go")
    stage.start()
    with stage.model(
        clerk=f"""
        - calls: [{PLAN}]
        - calls: [{{Bash: {{command: echo began >>log.txt; cat go; echo ended >>log.txt}}}}]
        - calls:
          - Sync: {{check_items: [{{item: c1, evidence: [R2]}}]}}
          - Finish: {{summary: It went on.}}
        """
    ):
        pid = os.fork()
        if pid == 0:
            try:
                stage.work()
            finally:
                os._exit(1)
        with open(stage.workspace / "go", "w") as go:  # opens once the command reads
            os.kill(pid, 9)
            os.waitpid(pid, 0)

            def release(moment: Moment) -> None:
                if moment.kind == "resumed":
                    go.write("went on\n")
                    go.close()

            stage.watch = release
            stage.work()
    assert (stage.workspace / "log.txt").read_text() == "began\nended\n"
    receipt = stage.task.receipts[1]
    assert (receipt.outcome, receipt.exit_code) == ("ok", 0)
    assert [change.path for change in receipt.files] == ["log.txt"]
    assert "went on\n[receipt R2]" in stage.told[2]
    assert "Bash (toolu_clerk_02_1) had finished" in stage.told[2]


def test_a_command_that_ended_with_an_error_keeps_its_exit_code(stage: Stage) -> None:
    turns = f"- calls: [{PLAN}, {WRITE}, {{Bash: {{command: echo ran >>log.txt; exit 7}}}}]"
    end = resumed(stage, BEFORE_THE_RESULTS, turns, DONE)
    assert (end.receipts[2].outcome, end.receipts[2].exit_code) == ("error", 7)
    assert (stage.workspace / "log.txt").read_text() == "ran\n"
    assert "had failed; see its result above" in stage.told[1]


def test_a_file_that_somebody_changed_after_the_interrupted_write_is_an_unknown_outcome(stage: Stage) -> None:
    stage.start()
    with stage.model(clerk=f"- calls: [{PLAN}, {WRITE}]\n- calls: [{{Read: {{file_path: note.txt}}}}]\n" + LATER):
        stage.die(*BEFORE_THE_RESULTS)
        (stage.workspace / "note.txt").write_text("theirs")
        stage.work()
    assert stage.task.receipts[1].outcome == "unknown"
    assert "Write (toolu_clerk_01_2): outcome unknown" in stage.told[1]
    assert (stage.workspace / "note.txt").read_text() == "theirs"


def test_a_reply_that_was_not_recorded_is_asked_for_again(stage: Stage) -> None:
    resumed(stage, BEFORE_THE_REPLY, f"- say: I begin.\n  calls: [{PLAN}, {WRITE}]", DONE)
    assert NOTICE not in "".join(stage.told)
    assert stage.requests[0]["messages"] == stage.requests[1]["messages"]


def test_a_conversation_that_ended_with_the_models_text_goes_on(stage: Stage) -> None:
    resumed(stage, AFTER_THE_REPLY, "- say: I think I am done.", f"- calls: [{PLAN}, {WRITE}]", DONE)
    assert "The task had stopped: its worker ended in the middle of it." in stage.told[1]


def test_calls_of_a_message_that_was_cut_off_are_not_run_by_the_resumed_worker_either(stage: Stage) -> None:
    end = resumed(
        stage,
        AFTER_THE_REPLY,
        f"""
- stop_reason: max_tokens
  say: I write it all at once.
  calls: [{WRITE}, {{Bash: {{command: touch ran}}}}]
- calls: [{PLAN}, {WRITE}]
""",
        DONE.replace("R2", "R4"),
    )
    assert [receipt.outcome for receipt in end.receipts[:2]] == ["refused", "refused"]
    assert not (stage.workspace / "ran").exists()
    assert "reached the output limit" in stage.told[1]


def test_what_was_refused_for_want_of_a_sync_is_refused_by_the_resumed_worker_too(stage: Stage) -> None:
    stage.start()
    with stage.model(
        clerk=f"- calls: [{PLAN}, {WRITE}]\n- say: On I go.\n  calls: [{APPEND}, {APPEND}, {{Sync: {{phase: on}}}}]\n"
        + DONE
    ):
        stage.die("said", 1)
        stage.work()
    assert [receipt.outcome for receipt in stage.task.receipts[2:5]] == ["ok", "refused", "ok"]
    assert (stage.workspace / "log.txt").read_text() == "ran\n"


@pytest.mark.parametrize("moment", [BEFORE_IT_IS_TOLD, BEFORE_IT_IS_SENT, BEFORE_ANY_RAN])
def test_what_it_was_told_while_nobody_worked_is_heard_once_also_by_one_that_is_killed_too(
    stage: Stage, moment: tuple[str, int | None]
) -> None:
    stage.start()
    with stage.model(clerk=f"- calls: [{PLAN}]\n- say: On I go.\n  calls: [{WRITE}]\n{DONE}"):
        stage.die(*BEFORE_THE_RESULTS)
        with stage.engine() as engine:
            engine.commit(stage.id, [MessageReceived(text="Use tabs.")], actor="user")
        stage.die(*moment)
        stage.work()
    assert stage.task.status == "archived"
    assert ["Use tabs." in words for words in stage.told] == [False, True, False, False]
    assert {json.dumps(request).count("Use tabs.") for request in stage.requests[1:]} == {1}


def test_killed_while_it_finishes_it_is_archived_by_the_next(stage: Stage) -> None:
    stage.start()
    with stage.model(clerk=f"- calls: [{PLAN}, {WRITE}]\n- say: Done.\n" + DONE.replace("\n- calls", "  calls")):
        stage.die("said", 1)
        stage.work()
    assert stage.task.status == "archived"
    assert not list(stage.temp.glob("*.md"))


def test_killed_with_a_verification_run_but_not_recorded_it_is_not_run_again(stage: Stage) -> None:
    stage.start(verify=("echo verified >>log.txt",))
    with stage.model(clerk=f"- calls: [{PLAN}, {WRITE}]\n- say: Done.\n" + DONE.replace("\n- calls", "  calls")):
        stage.die("said", 0)
        stage.work()
    assert stage.task.status == "archived"
    assert (stage.workspace / "log.txt").read_text() == "verified\n"
