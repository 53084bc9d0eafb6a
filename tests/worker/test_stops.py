"""What ends a run before its task is done, and how it goes on."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable

import pytest

from orchestrator.engine import Engine
from orchestrator.errors import (
    BadKey,
    BrokenStream,
    Busy,
    Interrupted,
    LimitReached,
    Overloaded,
    UnknownAgent,
    Unreachable,
)
from orchestrator.events import Limits, TaskStopped
from orchestrator.task import Task
from orchestrator.worker import Moment, pulse

from .conftest import DONE, PLAN, WRITE, Stage, conversation
from .test_delegation import ACCEPT, GIVE, HELPED, LEAD, child

WORK = f"- calls: [{PLAN}]\n- calls: [{WRITE}]\n"


@pytest.mark.parametrize(
    ("limits", "turns", "reason"),
    [
        (Limits(turns=1), f"- calls: [{PLAN}]\n", "1 of 1 turns used"),
        (
            Limits(tokens=70_000),
            f"- {{calls: [{PLAN}], usage: {{output_tokens: 30000}}}}\n",
            "of 70,000 are left",
        ),
        (Limits(seconds=0), "", "of 0 seconds used"),
    ],
    ids=["turns", "tokens", "seconds"],
)
def test_at_a_limit_the_task_stops_and_goes_on_with_the_same_conversation(
    stage: Stage, limits: Limits, turns: str, reason: str
) -> None:
    stage.start(limits=limits)
    if turns:
        stopped = stage.play(turns)
    else:
        stage.work()
        stopped = stage.ends[stage.id]
    assert isinstance(stopped, LimitReached)
    assert (stopped.exit_code, stage.task.status) == (4, "stopped")
    assert reason in (stage.task.reason or "")
    earlier = list(stage.requests)
    with stage.team() as team:
        team.allow(stage.id, Limits())
    assert isinstance(stage.play(turns or WORK[: WORK.index("\n") + 1], f"- calls: [{WRITE}]", DONE), Task)
    later = conversation(stage.requests[0])
    for request in map(conversation, earlier):
        assert later[: len(request)] == request
    assert len(later) > len(earlier)


def test_a_model_that_falls_silent_is_not_waited_for_past_the_limit_of_seconds(stage: Stage) -> None:
    stage.start(limits=Limits(seconds=0.3))
    assert isinstance(stage.play("- {say: Half of this is said., fault: {stream: stall}}"), LimitReached)
    assert stage.task.status == "stopped"


def test_a_limit_that_is_not_lifted_stops_it_again_without_asking_the_model(stage: Stage) -> None:
    stage.start(limits=Limits(turns=1))
    stage.play(f"- calls: [{PLAN}]")
    asked = len(stage.requests)
    stage.work()
    assert isinstance(stage.ends[stage.id], LimitReached)
    assert len(stage.requests) == asked


def test_a_refused_key_ends_the_run_and_records_no_turn(stage: Stage) -> None:
    end = stage.play("- fault: {status: 401}")
    assert isinstance(end, BadKey)
    assert (len(stage.requests), stage.task.turns, len(stage.told)) == (1, 0, 1)
    assert isinstance(stage.play(WORK, DONE), Task)


@pytest.mark.parametrize(
    "fault",
    [
        "{status: 429, retry_after: 0}",
        "{status: 529, times: 2}",
        "{status: 500}",
        "{stream: cut}",
        "{stream: drop}",
        "{stream: garble}",
        "{stream: error}",
    ],
)
def test_what_passes_is_asked_again_and_nothing_of_the_broken_attempt_is_recorded(stage: Stage, fault: str) -> None:
    end = stage.play(f"- calls: [{PLAN}]", f"- fault: {fault}\n  say: Now I write.\n  calls: [{WRITE}]", DONE)
    assert isinstance(end, Task)
    assert (end.turns, len(end.receipts)) == (3, 4)
    assert [message.role for message in end.transcript] == ["user", "assistant"] * 3 + ["user"]
    assert len(stage.requests) > 3
    assert stage.requests[1] == stage.requests[2]


@pytest.mark.parametrize(("fault", "kind"), [("{status: 529}", Overloaded), ("{stream: cut}", BrokenStream)])
def test_what_does_not_pass_ends_the_run_which_goes_on_where_it_was(stage: Stage, fault: str, kind: type) -> None:
    end = stage.play(f"- calls: [{PLAN}]", f"- fault: {fault}")
    assert isinstance(end, kind)
    assert (stage.task.status, stage.task.reason, stage.task.turns) == ("stopped", f"model: {end}", 1)
    before = stage.requests[-1]["messages"]
    assert isinstance(stage.play(WORK, DONE), Task)
    assert stage.requests[0]["messages"] == before


def test_without_a_connection_the_run_ends_and_goes_on_when_there_is_one(stage: Stage) -> None:
    stage.start()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        stage.url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    stage.work()
    assert isinstance(stage.ends[stage.id], Unreachable)
    assert (stage.task.turns, len(stage.told)) == (0, 1)
    assert isinstance(stage.play(WORK, DONE), Task)


def test_a_second_worker_on_a_task_is_told_who_has_it(stage: Stage) -> None:
    stage.start()
    seconds: list[object] = []

    def come_too(moment: Moment) -> None:
        if moment.kind == "asking" and not seconds:
            program = (
                "import sys; from pathlib import Path; from orchestrator.engine import Engine\n"
                "try: Engine(Path(sys.argv[1])).lease(sys.argv[2])\n"
                "except Exception as error: print(type(error).__name__, error)"
            )
            done = subprocess.run(
                [sys.executable, "-c", program, str(stage.temp), stage.id], capture_output=True, text=True, check=True
            )
            seconds.append(done.stdout)

    stage.watch = come_too
    assert isinstance(stage.play(WORK, DONE), Task)
    assert f"Busy task {stage.id} is being worked on by pid " in str(seconds[0])


def test_of_two_workers_of_one_team_on_a_task_one_works_and_one_is_busy(stage: Stage) -> None:
    stage.start()
    ends: list[object] = []

    async def both() -> None:
        with stage.team() as one, stage.team() as other:
            for end in await asyncio.gather(one.work(stage.id), other.work(stage.id)):
                ends.append(end[stage.id])

    with stage.model(clerk=WORK + DONE):
        asyncio.run(both())
    assert {type(end) for end in ends} == {Task, Busy}


def test_tasks_of_one_run_end_each_by_itself(stage: Stage) -> None:
    stage.agent("architect")
    stage.start()
    other = stage.start("architect", limits=Limits(turns=1))
    with stage.model(clerk=WORK + DONE, architect=f"- calls: [{PLAN}]"):
        stage.work(stage.id, other)
    assert isinstance(stage.ends[stage.id], Task)
    assert isinstance(stage.ends[other], LimitReached)


def test_an_unknown_agent_creates_nothing(stage: Stage) -> None:
    with pytest.raises(UnknownAgent, match="clerk"):
        stage.start("clark")
    assert not list(stage.temp.glob("*.md"))


def test_a_task_that_is_done_already_is_archived_and_given_back(stage: Stage) -> None:
    stage.play(WORK, DONE)
    stage.work()
    end = stage.ends[stage.id]
    assert isinstance(end, Task)
    assert end.status == "archived"


SECOND = "{Delegate: {agent: other, task: Write the letter., after: [note]}}"


def begin(stage: Stage, act: Callable[[Engine, str], None]) -> None:
    """While the first task that is given away is at work: act on the second, which comes after it."""
    stage.agent("helper")
    stage.agent("other")

    def watch(moment: Moment) -> None:
        if moment.kind == "call" and moment.task.agent == "helper":
            stage.watch = lambda moment: None
            with stage.engine() as engine:
                act(engine, stage.task.children[1].id)

    stage.watch = watch
    stage.start()


def test_one_that_a_person_stops_before_its_worker_began_is_not_run(stage: Stage) -> None:
    def stop(engine: Engine, task_id: str) -> None:
        engine.commit(task_id, [TaskStopped(reason="stopped by a person")], actor="user")

    begin(stage, stop)
    letter = HELPED.replace("note.txt", "letter.txt")
    with stage.model(
        clerk=f"- calls: [{LEAD}, {GIVE}, {SECOND}]\n{ACCEPT.replace('R3', 'R4')}", helper=HELPED, other=letter
    ):
        stage.work()
        assert isinstance(stage.ends[stage.id], Interrupted)
        assert (child(stage, 0).status, child(stage, 1).status, child(stage, 1).epoch) == ("archived", "stopped", 0)
        stage.work()
    assert stage.task.status == "archived"
    assert (stage.workspace / "letter.txt").exists()


def test_one_that_another_process_began_meanwhile_and_stopped_at_its_limit_is_gone_on_with(stage: Stage) -> None:
    def stop(engine: Engine, task_id: str) -> None:
        lease = engine.lease(task_id)
        reached = TaskStopped(reason="limit: 5 of 5 turns used")
        engine.commit(task_id, [reached], actor="worker", epoch=lease.epoch)
        lease.release()

    begin(stage, stop)
    letter = HELPED.replace("note.txt", "letter.txt")
    with stage.model(
        clerk=f"- calls: [{LEAD}, {GIVE}, {SECOND}]\n{ACCEPT.replace('R3', 'R4')}", helper=HELPED, other=letter
    ):
        stage.work()
    assert stage.task.status == "archived", stage.ends
    assert child(stage, 1).epoch == 2


def test_a_stop_ends_what_is_done_and_not_how_it_is_recorded_that_it_ended(stage: Stage) -> None:
    stage.start()

    async def ends(engine: Engine, *, work: Awaitable[object]) -> None:
        async with pulse.heeded(engine, stage.id, stage.task.revision):
            engine.commit(stage.id, [TaskStopped(reason="stopped by a person")], actor="user")
            await work
            raise LimitReached("at its limit", stage.id, "at its limit", None)

    async def late(engine: Engine) -> None:
        with pytest.raises(LimitReached):
            await ends(engine, work=asyncio.sleep(0))
        me = asyncio.current_task()
        await asyncio.gather(*asyncio.all_tasks() - {me}, return_exceptions=True)
        assert me is not None
        assert me.cancelling() == 0

    with stage.engine() as engine:
        with pytest.raises(pulse.Heeded):
            asyncio.run(ends(engine, work=asyncio.Event().wait()))
        asyncio.run(late(engine))


def test_a_worker_that_is_cut_off_while_it_ends_has_not_died(stage: Stage) -> None:
    stage.start(limits=Limits(turns=1))

    def cut_off(run: asyncio.Task[None]) -> None:
        run.cancel()

    async def work() -> None:
        me = asyncio.current_task()
        assert me is not None
        stage.watch = lambda moment: cut_off(me) if moment.kind == "stopped" else None
        with stage.team() as team:
            await team.work(stage.id)

    with stage.model(clerk=f"- calls: [{PLAN}]"), pytest.raises(asyncio.CancelledError):
        asyncio.run(work())
    stage.work()
    assert (stage.task.epoch, stage.task.died) == (2, None)
