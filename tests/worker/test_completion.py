"""The engine, not the model, says when a task is done."""

from __future__ import annotations

import sys

import pytest

from orchestrator.errors import TaskIsBlocked
from orchestrator.events import MessageReceived
from orchestrator.task import Task
from orchestrator.worker import Moment

from .conftest import DONE, PLAN, WRITE, Stage
from .test_delegation import ACCEPT, GIVE, LEAD, child, lead

BEGIN = f"- calls: [{PLAN}, {WRITE}]"
FINISH = "- calls: [{Finish: {summary: Done.}}]\n"
CHECK = "- calls: [{Sync: {check_items: [{item: c1, evidence: [R2]}]}}]"


@pytest.mark.parametrize(
    ("items", "calls", "check", "reason"),
    [
        ("The note is written", WRITE, "[R9]", "there is no receipt R9"),
        ("The note is written", "{Read: {file_path: nowhere}}", "[R2]", "R2 is the receipt of a call that did not"),
        ("The note is written", "{Bash: {command: exit 3}}", "[R2]", "R2 is the receipt of a call that did not"),
        ("The note is written", WRITE, "[R1]", "R1 is older than the item"),
        ("Write other.txt", WRITE, "[R2]", "the item names other.txt, which none of R2 touched"),
    ],
    ids=["no such receipt", "a call that failed", "a command that failed", "too old", "another file"],
)
def test_a_tick_without_proof_is_refused_with_the_reason(
    stage: Stage, items: str, calls: str, check: str, reason: str
) -> None:
    stage.play(
        f"""
        - calls: [{{Sync: {{add_items: [{{text: {items}}}]}}}}, {calls}]
        - calls: [{{Sync: {{check_items: [{{item: c1, evidence: {check}}}]}}}}]
        - expect: Nothing was recorded
          calls:
          - Sync: {{drop_items: [{{item: c1, reason: it cannot be shown}}], add_items: [{{text: note.txt is there}}]}}
          - Bash: {{command: echo hello >note.txt}}
          - Sync: {{check_items: [{{item: c2, evidence: [R5]}}]}}
          - Finish: {{summary: Written.}}
        """
    )
    assert reason in stage.told[2]
    assert stage.task.receipts[2].outcome == "error"
    assert stage.task.status == "archived"


def test_a_tick_without_any_evidence_does_not_fit_the_tools_input(stage: Stage) -> None:
    stage.play(BEGIN, "- calls: [{Sync: {check_items: [{item: c1, evidence: []}]}}]", DONE)
    assert "`check_items.0.evidence`" in stage.told[2]


@pytest.mark.parametrize(
    ("turns", "missing"),
    [
        ("", "the checklist is empty"),
        (f"- calls: [{PLAN}]", "c1 “The note is written” is open"),
        (
            f"- calls: [{PLAN}, {WRITE}]\n{CHECK}\n- calls: [{{Sync: {{uncheck_items: [c1]}}}}]",
            "c1 “The note is written” is open",
        ),
        ("- calls: [{Sync: {workstreams: [{id: notes, status: in-progress}]}}]", "workstream notes is in-progress"),
        ("- calls: [{Sync: {raise_blockers: [no ink]}}]", "B1 “no ink” is not resolved"),
        ("- calls: [{Bash: {command: 'true'}}, {Bash: {command: 'true'}}]", "Sync is owed for R1, R2"),
    ],
    ids=["no items", "open item", "unticked item", "open workstream", "unresolved blocker", "owed Sync"],
)
def test_finish_is_refused_and_what_is_missing_is_said(stage: Stage, turns: str, missing: str) -> None:
    stage.play(turns, FINISH * 5)
    assert f"- {missing}" in stage.told[-1]
    assert (stage.task.status, stage.task.summary) == ("blocked", None)


def test_after_five_refusals_the_task_is_blocked_never_completed(stage: Stage) -> None:
    end = stage.play(f"- calls: [{PLAN}]", FINISH * 5)
    assert isinstance(end, TaskIsBlocked)
    assert "The note is written" in str(end)
    assert stage.task.status == "blocked"
    assert "The note is written" in (stage.task.reason or "")
    assert not list(stage.temp.rglob("completion-summary*"))
    assert len(stage.requests) == 6


def test_a_blocked_task_that_is_resumed_has_its_attempts_anew(stage: Stage) -> None:
    begin = f"- calls: [{PLAN}]\n" + FINISH * 5
    stage.play(begin)
    end = stage.play(begin, f"- calls: [{WRITE}]", "- calls: [{Finish: {summary: Done.}}]", DONE.replace("R2", "R7"))
    assert isinstance(end, Task)


def test_a_result_that_does_not_fit_its_schema_is_refused(stage: Stage) -> None:
    stage.agent("clerk", output_schema="{type: object, required: [words], properties: {words: {type: integer}}}")
    stage.play(
        BEGIN,
        CHECK,
        """
        - calls: [{Finish: {summary: Done.}}]
        - expect: '`result` is missing'
          calls: [{Finish: {summary: Done., result: {words: many}}}]
        - expect: 'result at \\$.words: .many. is not of type .integer.'
          calls: [{Finish: {summary: Done., result: {words: 1}}}]
        """,
    )
    assert stage.task.result == {"words": 1}


def test_a_result_that_does_not_fit_what_the_lead_asked_for_is_refused_and_the_right_one_reaches_it(
    stage: Stage,
) -> None:
    stage.agent("helper")
    schema = "{type: object, required: [words], properties: {words: {type: integer}}}"
    helped = f"""
- calls: [{PLAN}, {WRITE}]
- calls:
  - Sync: {{check_items: [{{item: c1, evidence: [R2]}}]}}
  - Finish: {{summary: The note is written., result: {{words: many}}}}
- expect: 'result at \\$.words: .many. is not of type .integer.'
  calls: [{{Finish: {{summary: The note is written., result: {{words: 1}}}}}}]
"""
    lead(stage, f"- calls: [{LEAD}, {GIVE[:-2]}, result_schema: {schema}}}}}]", ACCEPT, helper=helped)
    assert (child(stage).result, child(stage).turns) == ({"words": 1}, 3)
    assert 'Result:\n{\n  "words": 1\n}' in stage.told[1]


@pytest.mark.parametrize("named", ["files_created", "files_modified"])
def test_a_result_naming_a_file_that_no_call_wrote_is_refused(stage: Stage, named: str) -> None:
    (stage.workspace / "old.txt").write_text("old")
    stage.play(
        BEGIN,
        CHECK,
        f"""
        - calls: [{{Finish: {{summary: Done., result: {{{named}: [note.txt, old.txt]}}}}}}]
        - expect: 'result: {named} names old.txt, which no call of this task changed'
          calls: [{{Finish: {{summary: Done., result: {{{named}: [note.txt]}}}}}}]
        """,
    )
    assert stage.task.result == {named: ["note.txt"]}


def test_the_verification_commands_must_pass(stage: Stage) -> None:
    stage.agent("clerk", verify="echo looking; test -f proof.txt")
    stage.start(verify=("grep hello note.txt",))
    stage.play(
        BEGIN,
        CHECK,
        """
        - calls: [{Finish: {summary: Done.}}]
        - expect: '(?s)verification `echo looking; test -f proof.txt` failed with exit code 1\\nlooking'
          calls:
          - Write: {file_path: proof.txt, content: proof}
          - Sync: {phase: proven}
          - Finish: {summary: Done.}
        """,
    )
    assert stage.task.status == "archived"
    assert "grep hello" not in stage.told[-2]
    assert "Verified: `grep hello note.txt`" in stage.told[-1]


def test_a_turn_without_any_call_is_answered_with_what_is_missing(stage: Stage) -> None:
    stage.play("- say: I am done.", f"- calls: [{PLAN}]", "- say: Really.", f"- calls: [{WRITE}]", DONE)
    assert "the checklist is empty" in stage.told[1]
    assert "Attempts left before the run stops: 4" in stage.told[1]
    assert "c1 “The note is written” is open" in stage.told[3]
    assert "Attempts left before the run stops: 3" in stage.told[3]


def test_a_turn_without_any_call_when_nothing_is_missing_is_answered_with_finish(stage: Stage) -> None:
    stage.play(BEGIN, CHECK, "- say: All done.", FINISH)
    assert "Finish was not called." in stage.told[3]


def test_an_unresolved_blocker_and_an_ended_turn_block_the_task(stage: Stage) -> None:
    end = stage.play("- calls: [{Sync: {raise_blockers: [The ink is missing]}}]", "- say: I need ink, from the shop.")
    assert isinstance(end, TaskIsBlocked)
    assert end.exit_code == 3
    assert "The ink is missing" in str(end)
    assert (stage.task.status, stage.task.reason) == ("blocked", "The ink is missing")


def test_a_blocked_task_that_is_resumed_is_told_why_it_had_stopped(stage: Stage) -> None:
    begin = "- calls: [{Sync: {raise_blockers: [The ink is missing]}}]\n- say: I need ink."
    stage.play(begin)
    end = stage.play(
        begin,
        f"""
        - expect: 'The task had stopped: The ink is missing'
          calls: [{{Sync: {{resolve_blockers: [{{id: B1, resolution: there is ink}}]}}}}, {PLAN}, {WRITE}]
        """,
        DONE.replace("R2", "R4"),
    )
    assert isinstance(end, Task)


def test_a_model_that_refuses_to_go_on_blocks_the_task(stage: Stage) -> None:
    end = stage.play("- {say: I will not., stop_reason: refusal}")
    assert isinstance(end, TaskIsBlocked)
    assert "refused" in str(end)


def test_calls_of_a_message_that_was_cut_off_are_never_run(stage: Stage) -> None:
    stage.play(
        f"""
        - stop_reason: max_tokens
          calls: [{WRITE}, {{Bash: {{command: touch ran}}}}]
        - calls: [{PLAN}, {WRITE}]
        """,
        DONE.replace("R2", "R4"),
    )
    assert "reached the output limit and was cut off" in stage.told[1]
    assert [receipt.outcome for receipt in stage.task.receipts[:2]] == ["refused", "refused"]
    assert not (stage.workspace / "ran").exists()


SAY_ONCE = f"""test -e told || {sys.executable} - <<'END'
from pathlib import Path
from orchestrator.engine import Engine
from orchestrator.events import MessageReceived
Path("told").touch()
engine = Engine(Path(".temp"))
(task_id,) = engine.ids()
engine.commit(task_id, [MessageReceived(text="Sign it.")], actor="user")
END
"""
SIGN = """
- calls: [{Bash: {command: echo me >>note.txt}}]
- calls:
  - Sync: {phase: signed}
  - Finish: {summary: The note is signed.}
"""


def test_what_is_said_while_it_is_verified_is_heard_before_it_is_done(stage: Stage) -> None:
    stage.start(verify=(SAY_ONCE,))
    task = stage.play(BEGIN, DONE, SIGN)
    assert isinstance(task, Task)
    assert "you were told something meanwhile" in stage.told[2]
    assert "A person: Sign it." in stage.told[2]
    assert "".join(stage.told).count("A person: Sign it.") == 1
    assert (stage.workspace / "note.txt").read_text() == "hellome\n"
    assert (task.summary, task.finish_refusals) == ("The note is signed.", 0)


@pytest.mark.parametrize("place", [3, 4])
def test_what_is_said_around_a_finish_is_heard_before_it_is_done(stage: Stage, place: int) -> None:
    """When it was asked for, and when it is about to be recorded."""
    recorded: list[str] = []

    def say(moment: Moment) -> None:
        if moment.kind == "recording":
            recorded.append(moment.task.id)
            if len(recorded) == place:
                with stage.engine() as engine:
                    engine.commit(stage.id, [MessageReceived(text="Sign it.")], actor="user")

    stage.watch = say
    task = stage.play(BEGIN, DONE, SIGN)
    assert isinstance(task, Task)
    assert "you were told something meanwhile" in stage.told[2]
    assert "A person: Sign it." in stage.told[2]
    assert task.summary == "The note is signed."
