"""A task whose worker dies the same way again and again is parked, and told why. Real kills, one after the other."""

from __future__ import annotations

from orchestrator.errors import TaskIsBlocked
from orchestrator.events import TaskContinued
from orchestrator.task import Task

from .conftest import DONE, PLAN, WRITE, Stage
from .test_delegation import GIVE, HELPED, LEAD, child

CRASH = f"- calls: [{PLAN}, {WRITE}, {{Bash: {{command: ./crash}}}}]"


def die(stage: Stage, times: int, nth: int = 1, moment: str = "asking") -> None:
    for _ in range(times):
        stage.die(moment, None, nth)


def test_a_worker_that_died_three_times_in_the_same_calls_gets_no_successor(stage: Stage) -> None:
    stage.start()
    with stage.model(clerk=f"{CRASH}\n{DONE}"):
        die(stage, 3, 3, "call")
        for _ in range(2):
            stage.work()
            end = stage.ends[stage.id]
            assert isinstance(end, TaskIsBlocked)
            assert "its worker died 3 times in a row, each time doing the same: Sync, Write note.txt, Bash ./crash" in (
                str(end)
            )
            assert (stage.task.status, stage.task.parked, stage.task.epoch) == ("blocked", True, 4)
        with stage.engine() as engine:
            engine.commit(stage.id, [TaskContinued()], actor="user")
        stage.work()
    assert stage.task.status == "archived"


def test_it_does_not_matter_where_in_the_request_for_a_reply_it_dies(stage: Stage) -> None:
    stage.start()
    with stage.model(clerk=f"- {{say: I begin., calls: [{PLAN}, {WRITE}]}}"):
        for moment in ("asking", "writing", "recording"):
            stage.die(moment, None)
        stage.work()
        assert "doing the same: asking the model" in str(stage.ends[stage.id])
    with stage.engine() as engine:
        assert not engine.instruct(stage.id, "Write it with a pencil").parked


def test_what_came_of_the_work_between_two_deaths_counts_and_so_does_another_way_to_die(stage: Stage) -> None:
    stage.start()
    with stage.model(clerk=f"- calls: [{PLAN}, {WRITE}]\n{DONE}"):
        die(stage, 2)
        die(stage, 2, 1, "call")
        assert (stage.task.died, stage.task.deaths) == ("Sync, Write note.txt", 1)
        die(stage, 2)
        stage.work()
    assert isinstance(stage.ends[stage.id], Task)


def test_a_worker_that_was_interrupted_is_not_dead(stage: Stage) -> None:
    stage.play("- fault: {status: 401}")
    for _ in range(3):
        with stage.model(clerk="- fault: {status: 401}"):
            stage.work()
    assert (stage.task.epoch, stage.task.deaths) == (4, 0)


def test_of_a_lead_and_its_helper_that_die_together_the_helper_is_parked(stage: Stage) -> None:
    stage.agent("helper")
    stage.start()
    with stage.model(
        clerk=f"""
- calls: [{LEAD}, {GIVE}]
- expect: its worker died 3 times in a row
  calls: [{{Sync: {{raise_blockers: [The helper dies]}}}}]
- say: I wait.
""",
        helper=HELPED,
    ):
        die(stage, 1, 2)
        die(stage, 2)
        stage.work()
        assert (stage.task.reason, stage.task.deaths) == ("The helper dies", 0)
        helped = child(stage)
        assert helped.parked
        with stage.engine() as engine:
            engine.commit(helped.id, [TaskContinued()], actor="user")
        stage.work(helped.id)
    assert child(stage).status == "archived"
