"""What may be spent is held before it is: no limit of tokens or money is ever exceeded, in a tree neither."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from orchestrator import accounts, budget
from orchestrator.errors import LimitReached, Refused
from orchestrator.events import (
    AnswerLost,
    BudgetDrawn,
    Delegated,
    Event,
    Intent,
    Limits,
    ModelReplied,
    TaskCreated,
    Usage,
)
from orchestrator.task import Task
from orchestrator.usage import TURNS
from orchestrator.worker import Moment, limits
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
    said = r"limit: a turn may cost \$0\.0\d+, and \$0\.0100 of \$0\.01 is left"
    assert re.fullmatch(said, stage.task.reason or "")
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
    assert f"of 90,000 are left to {stage.id} and those it gave work to" in str(child(stage).reason)
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


# -- a tree, and limits that are set while it works -----------------------------


def limit(stage: Stage, **limits: float) -> Task:
    with stage.engine() as engine:
        return accounts.allow(engine, stage.id, Limits(**limits))


def used(*tasks: Task) -> int:
    return sum(task.usage.total for task in tasks)


def test_a_limit_that_is_set_late_counts_what_finished_children_used(stage: Stage) -> None:
    stage.agent("helper")
    stage.start()
    turn = f"- {{calls: [{LEAD}, {GIVE}], usage: {{input_tokens: 1000}}}}"
    with stage.model(clerk=f"{turn}\n- fault: {{status: 401}}", helper=HELPED):
        stage.work()
    limit(stage, tokens=60_000)
    assert budget.spent(stage.task).tokens == used(stage.task, child(stage)) > used(stage.task)


def test_a_limit_that_is_set_counts_children_that_never_said_what_they_used(stage: Stage) -> None:
    reply = ModelReplied(content=(), stop_reason="end_turn", model="a", usage=Usage(input_tokens=700), cost=0.5)
    with stage.engine() as engine:
        top = engine.create(TaskCreated(agent="clerk", description="All of it"))
        below = engine.create(TaskCreated(agent="clerk", description="A part", parent=top.id))
        given = Intent(
            call="1", tool="Delegate", delegated=Delegated(child=below.id, agent="a", description="", workstream="w")
        )
        engine.commit(top.id, [reply.model_copy(update={"intents": (given,)})], actor="user")
        engine.commit(below.id, [reply], actor="user")
        spent = budget.spent(accounts.allow(engine, top.id, Limits(tokens=5_000)))
    assert (spent.turns, spent.tokens, spent.cost) == (2, 1_400, 1.0)


def test_a_limit_that_is_set_while_a_child_asks_binds_its_next_request_and_that_of_its_parent(stage: Stage) -> None:
    stage.agent("helper")
    stage.start()
    begin = f"- {{calls: [{LEAD}, {GIVE}], usage: {{input_tokens: 20000}}}}"
    more = f"- {{say: I begin., calls: [{PLAN}], usage: {{input_tokens: 20000}}}}"
    held: list[budget.Amount] = []

    def watch(moment: Moment) -> None:
        if moment.kind == "writing" and moment.task.agent == "helper" and not held:
            held.append(budget.held(limit(stage, tokens=70_000)))

    stage.watch = watch
    with stage.model(clerk=begin, helper=more):
        stage.work()
    assert held[0].tokens > 16_000  # what the request under way may take was known
    ended = stage.ends[stage.id]
    assert isinstance(ended, LimitReached)
    assert ended.task == stage.id
    helped = child(stage)
    assert (helped.status, helped.limited_by) == ("stopped", stage.id)
    assert budget.spent(stage.task).tokens == used(stage.task, helped) <= 70_000
    assert budget.held(stage.task) == budget.NOTHING


def test_a_killed_tree_whose_limit_is_set_between_keeps_to_it_and_goes_on_when_that_is_raised(stage: Stage) -> None:
    stage.agent("helper")
    stage.start()
    begin = f"- {{calls: [{LEAD}, {GIVE}], usage: {{input_tokens: 20000}}}}"
    helped = HELPED.replace("- calls: [{Sync: {add", "- say: I begin.\n  calls: [{Sync: {add")
    with stage.model(clerk=f"{begin}\n{ACCEPT}", helper=helped):
        stage.die("writing", None)
        before = stage.task
        held = budget.held(before).tokens
        assert held > 16_000
        most = int(budget.spent(before).tokens + held + 10_000)
        limit(stage, tokens=most)
        stage.work()
        ended = stage.ends[stage.id]
        assert isinstance(ended, LimitReached)
        assert ended.task == stage.id
        told = budget.spent(stage.task).tokens
        assert used(stage.task, child(stage)) + held <= told <= most  # of the killed one, nobody knows more
        limit(stage, tokens=1_000_000)
        stage.work()
    assert stage.task.status == "archived"
    assert budget.held(stage.task) == budget.NOTHING


def test_what_a_killed_child_held_counts_once_it_is_cancelled(stage: Stage) -> None:
    stage.agent("helper")
    stage.start()
    begin = f"- {{calls: [{LEAD}, {GIVE}], usage: {{input_tokens: 20000}}}}"
    with stage.model(clerk=begin, helper="- {say: I begin., calls: [{Read: {file_path: note.txt}}]}"):
        stage.die("writing", None)
    before, helped = stage.task, child(stage)
    assert budget.holders(before) == [helped.id]
    with stage.engine() as engine:
        accounts.release(engine, engine.cancel(helped.id, "not wanted"))
    assert budget.holders(stage.task) == []
    assert budget.spent(stage.task).tokens == budget.spent(before).tokens + budget.held(before).tokens


def test_what_a_dead_one_held_and_did_not_use_is_found_by_whoever_needs_it(stage: Stage) -> None:
    with stage.engine() as engine:
        top = engine.create(TaskCreated(agent="clerk", description="All", limits=Limits(tokens=50_000)))
        below = engine.create(TaskCreated(agent="clerk", description="A part", parent=top.id))
        held = budget.Amount(1, 40_000)
        engine.commit(top.id, [accounts.drawn(below.id, 1, budget.NOTHING, held)], actor="engine")
        assert budget.left(engine.refresh(top.id).task).tokens == 10_000
        assert not accounts.waited_for(engine, engine.refresh(top.id).task, top.id)
        assert accounts.settle(engine, engine.refresh(top.id).task)
        assert budget.left(engine.refresh(top.id).task).tokens == 50_000
        with pytest.raises(Refused, match="taken over"):
            engine.commit(top.id, [accounts.drawn(below.id, 0, budget.NOTHING, held)], actor="engine")


def test_a_limit_of_turns_binds_all_below_a_task_and_the_precaution_of_one_does_not(stage: Stage) -> None:
    stage.agent("helper")
    stage.start(limits=Limits(turns=2))
    with stage.model(clerk=f"- calls: [{LEAD}, {GIVE}]", helper=f"- calls: [{PLAN}]"):
        stage.work()
    ended, helped = stage.ends[stage.id], child(stage)
    assert isinstance(ended, LimitReached)
    assert (ended.task, helped.limited_by, helped.turns) == (stage.id, stage.id, 1)
    assert helped.reason == f"limit: 2 of 2 turns used by {stage.id} and those it gave work to"
    limits.check([replace(stage.task, limits=Limits(), turns=TURNS), helped])
    with pytest.raises(limits.Exhausted, match="200 of 200 turns used"):
        limits.check([helped, replace(stage.task, limits=Limits(), turns=TURNS)])


def test_a_limit_of_time_binds_all_below_a_task_also_while_they_run_a_command(stage: Stage) -> None:
    stage.agent("helper")
    stage.start()

    def watch(moment: Moment) -> None:
        if moment.kind == "asking" and moment.task.agent == "helper" and stage.task.limits.seconds is None:
            limit(stage, seconds=budget.since(stage.task.started_at, moment.task.updated_at) + 1)

    stage.watch = watch
    with stage.model(clerk=f"- calls: [{LEAD}, {GIVE}]", helper="- {calls: [{Bash: {command: sleep 600}}]}"):
        stage.work()
    ended, helped = stage.ends[stage.id], child(stage)
    assert isinstance(ended, LimitReached)
    assert (ended.task, helped.status, helped.limited_by) == (stage.id, "stopped", stage.id)
    assert "seconds used by" in str(helped.reason)
    assert stage.task.seconds > 0


def test_time_is_that_of_all_workers_a_task_ever_had(stage: Stage) -> None:
    stage.play(f"- calls: [{PLAN}]", "- fault: {status: 401}")
    first = stage.task.seconds
    assert first > 0
    stage.play(f"- calls: [{PLAN}]", f"- calls: [{WRITE}]", DONE)
    assert stage.task.seconds > first


def test_what_is_said_of_a_task_goes_before_what_is_set_for_its_agent_then_its_definition(stage: Stage) -> None:
    stage.agent("helper", limits="{turns: 30, tokens: 300000, seconds: 300, cost: 3}")
    stage.limits = {"helper": {"tokens": 200_000, "cost": 2}}
    stage.start()
    give = GIVE.replace("}}", ", limits: {cost: 1}}}")
    with stage.model(clerk=f"- calls: [{LEAD}, {give}]\n{ACCEPT}", helper=HELPED):
        stage.work()
    assert child(stage).limits == Limits(turns=30, tokens=200_000, seconds=300, cost=1)
    assert stage.task.limits == Limits()
