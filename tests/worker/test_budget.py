"""What may be spent is held before it is: no limit of tokens or money is ever exceeded, in a tree neither."""

from __future__ import annotations

import pytest

from orchestrator import budget
from orchestrator.errors import LimitReached
from orchestrator.events import AnswerLost, BudgetDrawn, Event, Limits
from tests.worker.conftest import DONE, PLAN, WRITE, Stage
from tests.worker.test_delegation import ACCEPT, GIVE, HELPED, LEAD, child

NOTE = f"- calls: [{PLAN}, {WRITE}]"


def events(stage: Stage, kind: type[Event]) -> list[Event]:
    with stage.engine() as engine:
        return [event for row in engine.since(stage.id, 0) for event in row.events if isinstance(event, kind)]


def test_a_task_without_such_a_limit_holds_nothing(stage: Stage) -> None:
    stage.start(limits=Limits(turns=50, seconds=600))
    stage.play(NOTE, DONE)
    assert not events(stage, BudgetDrawn)


def test_the_most_that_a_request_can_take_is_held_before_it_is_made_and_given_back_after(stage: Stage) -> None:
    stage.start(limits=Limits(tokens=1_000_000))
    seen: list[budget.Amount] = []
    stage.watch = lambda moment: seen.append(budget.held(stage.task)) if moment.kind == "writing" else None
    stage.play(f"- {{say: I begin., calls: [{PLAN}, {WRITE}]}}", DONE)
    assert seen
    assert seen[0].tokens > stage.requests[0]["max_tokens"]
    assert budget.held(stage.task) == budget.Amount()
    assert budget.spent(stage.task).tokens == stage.task.usage.total


def test_when_little_is_left_the_reply_may_only_be_short(stage: Stage) -> None:
    stage.start(limits=Limits(tokens=90_000))
    stage.play(f"- {{calls: [{PLAN}, {WRITE}], usage: {{input_tokens: 30000}}}}", DONE)
    assert stage.task.status == "archived"
    first, second = (request["max_tokens"] for request in stage.requests)
    assert first == 16_000
    assert 1_024 <= second < first
    assert budget.spent(stage.task).tokens <= 90_000


def test_what_a_limit_leaves_no_room_for_is_not_asked(stage: Stage) -> None:
    stage.start(limits=Limits(cost=0.01))
    stage.work()
    assert isinstance(stage.ends[stage.id], LimitReached)
    assert stage.task.reason == (
        "limit: $0.0100 of $0.01 are left, not $"
        + str(stage.task.reason).rpartition("$")[2].partition(",")[0]
        + ", which a turn may take"
    )
    assert stage.task.turns == 0


def test_what_a_child_spends_is_its_parent_s_too(stage: Stage) -> None:
    stage.agent("helper")
    stage.start(limits=Limits(cost=5.0))
    with stage.model(clerk=f"- calls: [{LEAD}, {GIVE}]\n{ACCEPT}", helper=HELPED):
        stage.work()
    task, helped = stage.task, child(stage)
    assert task.status == "archived"
    assert helped.limits.cost is None
    assert task.cost is not None
    assert helped.cost is not None
    assert budget.spent(task).cost == pytest.approx(task.cost + helped.cost)
    assert budget.held(task) == budget.Amount()


def test_a_child_stops_at_its_parent_s_limit_and_goes_on_when_that_is_raised(stage: Stage) -> None:
    stage.agent("helper")
    stage.start(limits=Limits(tokens=90_000))
    begin = f"- {{calls: [{LEAD}, {GIVE}], usage: {{input_tokens: 30000}}}}"
    blocked = f"- {{calls: [{PLAN}], usage: {{input_tokens: 30000}}}}"
    with stage.model(clerk=begin, helper=blocked):
        stage.work()
    assert isinstance(stage.ends[stage.id], LimitReached)
    assert child(stage).status == "stopped"
    assert "of 90,000 tokens are left" in str(child(stage).reason)
    assert (stage.task.status, stage.task.reason, stage.task.turns) == ("stopped", child(stage).reason, 1)
    assert budget.spent(stage.task).tokens <= 90_000
    with stage.team() as team:
        team.allow(stage.id, Limits())
    with stage.model(clerk=f"{begin}\n{ACCEPT}", helper=f"{blocked}\n- calls: [{WRITE}]\n{DONE}"):
        stage.work()
    assert (stage.task.status, child(stage).turns) == ("archived", 3)


def test_an_answer_that_broke_off_counts_as_all_it_may_have_cost(stage: Stage) -> None:
    stage.start(limits=Limits(tokens=1_000_000))
    stage.play(f"- {{say: I begin., calls: [{PLAN}, {WRITE}], fault: {{stream: drop, times: 1}}}}", DONE)
    assert len(events(stage, AnswerLost)) == 1
    assert budget.spent(stage.task).tokens > stage.task.usage.total + stage.requests[0]["max_tokens"]


def test_a_request_that_was_refused_costs_nothing(stage: Stage) -> None:
    stage.start(limits=Limits(tokens=1_000_000))
    stage.play(f"- {{calls: [{PLAN}, {WRITE}], fault: {{status: 529, times: 1}}}}", DONE)
    assert not events(stage, AnswerLost)
    assert budget.spent(stage.task).tokens == stage.task.usage.total


def test_a_request_whose_worker_was_killed_counts_when_it_is_resumed(stage: Stage) -> None:
    stage.start(limits=Limits(tokens=1_000_000))
    with stage.model(clerk=f"- {{say: I begin., calls: [{PLAN}, {WRITE}]}}\n{DONE}"):
        stage.die("writing", None)
        assert budget.held(stage.task).tokens > 16_000
        stage.work()
    assert stage.task.status == "archived"
    assert len(events(stage, AnswerLost)) == 1
    assert budget.spent(stage.task).tokens > stage.task.usage.total
