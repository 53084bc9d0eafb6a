"""A person pauses a task: its worker ends its turn, and waits, as do those of all it gave away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.engine import Engine
from orchestrator.errors import Interrupted, TaskIsCancelled
from orchestrator.events import (
    Actor,
    Event,
    PhaseChanged,
    TaskContinued,
    TaskCreated,
    TaskPaused,
    TaskStopped,
    WorkerStarted,
)
from orchestrator.task import Task
from orchestrator.worker import Moment

from .conftest import DONE, PLAN, WRITE, Stage
from .test_delegation import ACCEPT, GIVE, HELPED, LEAD, child

WORK = f"- calls: [{PLAN}, {WRITE}]"


def say(stage: Stage, *events: Event) -> None:
    with stage.engine() as engine:
        engine.commit(stage.id, events, actor="user")


def paused(stage: Stage, then: Callable[[], object]) -> None:
    """The clerk's task is paused when its model is asked first; then this is done, when a worker says that it waits."""
    once = iter([lambda: say(stage, TaskPaused())])

    def watch(moment: Moment) -> None:
        if moment.kind == "asking" and (act := next(once, None)):
            act()
        if moment.kind == "paused":
            then()

    stage.watch = watch


def kinds(stage: Stage) -> list[str]:
    return [moment.kind for moment in stage.moments if moment.kind not in ("told", "recording", "call")]


def test_a_paused_worker_ends_its_turn_and_waits_with_its_lease_until_it_may_go_on(stage: Stage) -> None:
    waiting: list[object] = []

    def then() -> None:
        with stage.engine() as engine:
            waiting.append((engine.at_work(stage.id) is not None, len(stage.requests), stage.task.paused))
        say(stage, TaskContinued())

    paused(stage, then)
    assert isinstance(stage.play(WORK, DONE), Task)
    assert waiting == [(True, 1, True)]
    assert kinds(stage) == ["started", "asking", "ended", "ended", "paused", "asking", "ended", "ended", "done"]
    assert '"paused": false' in stage.document("task-status").read_text()


def test_what_was_said_meanwhile_is_told_before_the_model_speaks_again(stage: Stage) -> None:
    def then() -> None:
        with stage.engine() as engine:
            engine.instruct(stage.id, "Write it in French too")
        say(stage, TaskContinued())

    paused(stage, then)
    more = """
- expect: Write it in French too
  calls:
  - Write: {file_path: french.txt, content: bonjour}
- calls:
  - Sync: {check_items: [{item: c1, evidence: [R2]}, {item: c2, evidence: [R3]}]}
  - Finish: {summary: Both are written.}
"""
    assert isinstance(stage.play(WORK, more), Task)


def test_what_a_paused_task_gives_away_waits_before_it_begins(stage: Stage) -> None:
    stage.agent("helper")
    stage.start()
    paused(stage, lambda: say(stage, TaskContinued()))
    with stage.model(clerk=f"- calls: [{LEAD}, {GIVE}]\n{ACCEPT}", helper=HELPED):
        stage.work()
    assert stage.task.status == "archived"
    of_helper = [moment for moment in stage.moments if moment.task.agent == "helper"]
    assert [moment.kind for moment in of_helper][:2] == ["paused", "started"]
    assert of_helper[0].text == f"by a person, with {stage.id}"
    assert "paused" not in [moment.kind for moment in stage.moments if moment.task.id == stage.id]
    assert not child(stage).paused


@pytest.mark.parametrize(("event", "kind"), [("stop", Interrupted), ("cancel", TaskIsCancelled)])
def test_a_paused_worker_can_be_stopped_and_its_task_cancelled(stage: Stage, event: str, kind: type) -> None:
    def then() -> None:
        if event == "stop":
            say(stage, TaskStopped(reason="stopped by a person"))
        else:
            with stage.engine() as engine:
                engine.cancel(stage.id, "")

    paused(stage, then)
    assert isinstance(stage.play(WORK), kind)
    assert len(stage.requests) == 1


def test_killed_while_it_waits_it_is_paused_still_and_nothing_is_asked_before_it_may_go_on(stage: Stage) -> None:
    stage.start()
    say(stage, TaskPaused())
    with stage.model(clerk=f"{WORK}\n{DONE}"):
        stage.die("paused", None)
        assert stage.task.paused
        assert not stage.requests
        stage.watch = lambda moment: say(stage, TaskContinued()) if moment.kind == "paused" else None
        stage.work()
    assert stage.task.status == "archived"


def test_the_time_that_it_waits_counts_for_no_limit(stage: Stage) -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    engine = Engine(stage.temp, clock=lambda: now)
    task = engine.create(TaskCreated(agent="clerk", description="Write"))
    happened: list[tuple[int, Event, Actor]] = [
        (0, WorkerStarted(epoch=1, holder="a test"), "engine"),
        (10, PhaseChanged(phase="writing"), "worker"),
        (0, TaskPaused(), "user"),
        (3600, TaskContinued(), "user"),
        (1, PhaseChanged(phase="reading"), "worker"),
    ]
    for seconds, event, actor in happened:
        now += timedelta(seconds=seconds)
        task = engine.commit(task.id, [event], actor=actor)
    engine.close()
    assert task.seconds == 11


def test_a_lead_whose_tree_is_stopped_asks_its_model_nothing_more(stage: Stage) -> None:
    stage.agent("helper")
    stage.start()
    lead = iter([1])

    def watch(moment: Moment) -> None:
        if moment.task.agent == "helper" and moment.kind == "asking" and next(lead, None):
            say(stage, TaskStopped(reason="stopped by a person"))
            with stage.engine() as engine:
                engine.commit(moment.task.id, [TaskStopped(reason="stopped by a person")], actor="user")

    stage.watch = watch
    with stage.model(clerk=f"- calls: [{LEAD}, {GIVE}]", helper="- {say: Half of this., fault: {stream: stall}}"):
        stage.work()
    assert isinstance(stage.ends[stage.id], Interrupted)
    assert (stage.task.status, child(stage).status) == ("stopped", "stopped")
