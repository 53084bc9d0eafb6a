"""A worker that waits long for what is neither model, tool, other task nor person is told once, then stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from orchestrator.errors import TaskIsBlocked
from orchestrator.events import BudgetDrawn, Limits, SilenceNoticed, TaskCreated
from orchestrator.task import Task
from orchestrator.worker import Moment

from .conftest import DONE, PLAN, WRITE, Stage

LIMIT = 100_000
NOTICE = "nothing happened in this task"


@contextmanager
def held_by_another(stage: Stage) -> Iterator[tuple[str, str]]:
    """The clerk's task and one beside it, whose living worker holds all that is left of the budget above both."""
    with stage.engine() as engine:
        limits = Limits(tokens=LIMIT)
        top = engine.create(TaskCreated(agent="clerk", description="Have them written", limits=limits)).id
        stage.id = engine.create(TaskCreated(agent="clerk", description="Write a note", parent=top)).id
        other = engine.create(TaskCreated(agent="clerk", description="Write a letter", parent=top)).id
        engine.commit(top, [BudgetDrawn(task=other, held_turns=1, held_tokens=LIMIT)], actor="engine")
        lease = engine.lease(other)
        yield top, other
        lease.release()


def test_it_is_told_once_and_then_its_task_is_blocked(stage: Stage) -> None:
    stage.silence = 0.05
    with held_by_another(stage):
        stage.work()
    end = stage.ends[stage.id]
    assert isinstance(end, TaskIsBlocked)
    assert f"task {stage.id} is blocked: nothing happened again, though the agent was told: " in str(end)
    assert (stage.task.status, stage.task.turns) == ("blocked", 0)
    (notice,) = [words for words in stage.told if NOTICE in words]
    assert f"For 0.05 s {NOTICE}" in notice
    with stage.engine() as engine:
        events = [event for commit in engine.since(stage.id, 0) for event in commit.events]
    assert [isinstance(event, SilenceNoticed) for event in events].count(True) == 1


def test_when_it_can_go_on_the_model_hears_of_it(stage: Stage) -> None:
    stage.silence = 2.0
    with held_by_another(stage) as (top, other), stage.engine() as engine:

        def watch(moment: Moment) -> None:
            if moment.kind == "asking" and NOTICE in str(moment.task.transcript):
                engine.commit(top, [BudgetDrawn(task=other, epoch=1)], actor="engine")

        stage.watch = watch
        assert isinstance(stage.play(f"- calls: [{PLAN}, {WRITE}]", DONE), Task)
    reason = f"requests of other tasks hold what is left of the budget of {top}"
    assert f"{NOTICE}, neither a reply nor a call: {reason}" in json.dumps(stage.requests[0]["messages"])


def test_a_command_that_takes_longer_is_not_silence(stage: Stage) -> None:
    stage.silence = 0.1
    command = "{Bash: {command: 'for n in $(seq 4); do sleep 0.1; done'}}"
    assert isinstance(stage.play(f"- calls: [{PLAN}, {WRITE}, {command}]", DONE), Task)
