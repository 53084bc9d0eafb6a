"""`orchestrator wait`: its exit code is that of `run`."""

from __future__ import annotations

import pytest

from orchestrator.events import (
    Event,
    TaskBlocked,
    TaskCancelled,
    TaskPaused,
    TaskStopped,
    WorkerStarted,
)
from orchestrator.task import LIMIT, MODEL

from .conftest import Shell

STOPPED = TaskStopped(reason="stopped by a person")
UNANSWERED = TaskStopped(reason=f"{MODEL}no answer")


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ([], 1),
        ([STOPPED], 130),
        ([UNANSWERED], 1),
        ([TaskStopped(reason=f"{LIMIT}1 of 1 turns used")], 4),
        ([TaskBlocked(reason="No ink")], 3),
        ([TaskPaused()], 130),
        ([UNANSWERED, TaskPaused()], 130),
        ([TaskCancelled()], 5),
    ],
)
def test_the_exit_code_says_what_keeps_a_task_from_going_on(shell: Shell, events: list[Event], code: int) -> None:
    task = shell.task().id
    with shell.engine() as engine:
        engine.commit(task, [WorkerStarted(epoch=1, holder="a test")], actor="engine")
        for event in events:
            engine.commit(task, [event], actor="user")
    assert shell("wait", task).code == code


def test_of_a_task_that_was_reopened_and_not_gone_on_with_a_person_has_to_say(shell: Shell) -> None:
    task = shell.task().id
    shell("cancel", task)
    assert shell("wait", task).code == 5
    shell("reopen", task)
    assert shell("wait", task).code == 130
