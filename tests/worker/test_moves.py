"""A person cancels a task, opens it again or gives it more to do, while its worker is at it or after its end."""

from __future__ import annotations

import os
from threading import Thread

from orchestrator.errors import Interrupted, TaskIsCancelled
from orchestrator.task import Task
from orchestrator.worker import Moment

from .conftest import DONE, PLAN, WRITE, Stage

PLANNED = f"- calls: [{PLAN}]"
WRITTEN = f"- calls: [{WRITE}]"
MORE = """
- expect: 'item c2\\): Write it in French too'
  calls:
  - Write: {file_path: french.txt, content: bonjour}
- calls:
  - Sync: {check_items: [{item: c2, evidence: [R5]}]}
  - Finish: {summary: Both notes are written.}
"""


def once(stage: Stage, kind: str, turn: int, act: str, text: str) -> None:
    """Somebody else's command, at the first such moment after so many replies."""
    waiting = [True]

    def watch(moment: Moment) -> None:
        if moment.kind == kind and moment.task.turns == turn and waiting:
            waiting.clear()
            with stage.engine() as engine:
                getattr(engine, act)(stage.id, text)

    stage.watch = watch


def test_a_task_cancelled_while_the_model_speaks_ends_in_order_and_begins_no_call(stage: Stage) -> None:
    once(stage, "asking", 1, "cancel", "Nobody reads notes")
    end = stage.play(PLANNED, WRITTEN)
    assert isinstance(end, TaskIsCancelled)
    assert end.exit_code == 5
    assert str(end) == (
        f"task {stage.id} was cancelled: Nobody reads notes; `orchestrator reopen {stage.id}` opens it again"
    )
    assert not (stage.workspace / "note.txt").exists()
    assert (stage.task.status, stage.task.ended) == ("archived", "cancelled")
    assert "it was not run" in stage.told[-1]


def test_a_task_cancelled_and_opened_again_under_its_worker_is_stopped_and_goes_on_when_it_is_resumed(
    stage: Stage,
) -> None:
    def watch(moment: Moment) -> None:
        if moment.kind == "asking" and moment.task.turns == 1:
            with stage.engine() as engine:
                engine.cancel(stage.id, "")
                engine.reopen(stage.id)

    stage.watch = watch
    assert isinstance(stage.play(PLANNED, WRITTEN), Interrupted)
    stage.watch = lambda moment: None
    assert isinstance(stage.play(PLANNED, WRITTEN, DONE), Task)


def test_a_cancelled_task_does_not_begin_the_next_call_of_a_message(stage: Stage) -> None:
    command = "{Bash: {command: 'echo one > one.txt; cat door'}}"
    door = stage.workspace / "door"
    os.mkfifo(door)
    stage.start()

    def let_in() -> None:
        with door.open("w"), stage.engine() as engine:  # opens once the command reads
            engine.cancel(stage.id, "")

    visitor = Thread(target=let_in)
    visitor.start()
    end = stage.play(f"- calls: [{PLAN}, {command}, {WRITE}]")
    visitor.join()
    assert isinstance(end, TaskIsCancelled)
    assert (stage.workspace / "one.txt").exists()
    assert not (stage.workspace / "note.txt").exists()
    assert [receipt.outcome for receipt in stage.task.receipts] == ["ok", "ok", "refused"]


def test_a_model_that_does_not_answer_a_cancelled_task_is_no_failure(stage: Stage) -> None:
    once(stage, "asking", 0, "cancel", "")
    assert isinstance(stage.play("- fault: {status: 401}"), TaskIsCancelled)


def test_more_to_do_is_told_at_the_next_turn_and_must_be_done(stage: Stage) -> None:
    once(stage, "ended", 2, "instruct", "Write it in French too")
    finish = "- calls: [{Sync: {check_items: [{item: c1, evidence: [R2]}]}}, {Finish: {summary: Done.}}]"
    more = MORE.replace(
        "expect: 'item c2\\): Write it in French too'\n  ", "expect: 'c2 “Write it in French too” is open'\n  "
    )
    end = stage.play(PLANNED, WRITTEN, finish, more)
    assert isinstance(end, Task), end
    assert (end.status, end.summary) == ("archived", "Both notes are written.")
    assert any("More to do (item c2): Write it in French too" in told for told in stage.told)


def test_more_to_do_that_arrives_while_finish_verifies_keeps_the_task_open(stage: Stage) -> None:
    once(stage, "call", 3, "instruct", "Write it in French too")
    both = "check_items: [{item: c1, evidence: [R2]}, {item: c2, evidence: [R5]}]"
    end = stage.play(PLANNED, WRITTEN, DONE, MORE.replace("check_items: [{item: c2, evidence: [R5]}]", both))
    assert isinstance(end, Task), end
    assert end.summary == "Both notes are written."
    assert "you were told something meanwhile" in stage.told[3]
    assert "More to do (item c2): Write it in French too" in stage.told[3]


def test_an_archived_task_that_gets_more_to_do_goes_on_with_its_conversation(stage: Stage) -> None:
    stage.play(PLANNED, WRITTEN, DONE)
    with stage.engine() as engine:
        task = engine.instruct(stage.id, "Write it in French too")
    assert (task.status, task.summary, task.phase) == ("stopped", None, "reopened")
    end = stage.play(PLANNED, WRITTEN, DONE, MORE)
    assert isinstance(end, Task), end
    assert end.summary == "Both notes are written."
    assert "The task is open again" in stage.told[-3]
    assert stage.document("completion-summary").read_text().count("Both notes are written.") == 1


def test_a_cancelled_task_that_is_reopened_goes_on(stage: Stage) -> None:
    once(stage, "asking", 1, "cancel", "Nobody reads notes")
    stage.play(PLANNED, WRITTEN)
    with stage.engine() as engine:
        engine.reopen(stage.id)
    stage.watch = lambda moment: None
    end = stage.play(PLANNED, WRITTEN, WRITTEN, DONE.replace("R2", "R3"))
    assert isinstance(end, Task), end
    assert end.ended == "completed"


def test_what_a_task_was_given_before_it_began_is_in_its_brief(stage: Stage) -> None:
    stage.start()
    with stage.engine() as engine:
        engine.instruct(stage.id, "Write it in French too")
    stage.play("- {say: I begin., expect: 'Write a note\\n\\nWrite it in French too', fault: {status: 401}}")
    assert "Write a note\n\nWrite it in French too" in stage.told[0]


def test_a_renamed_task_tells_its_model_the_new_name(stage: Stage) -> None:
    stage.play(PLANNED, "- fault: {status: 401}")
    with stage.engine() as engine:
        old, stage.id = stage.id, engine.rename(stage.id, "N2W3D4").id
    stage.play(PLANNED, "- fault: {status: 401}")
    assert f"This task is called N2W3D4 now, no longer {old}" in stage.told[-1]
