"""`orchestrator why`: what a task waits for, and what it lacks."""

from __future__ import annotations

import json
import re

import pytest

from orchestrator.events import Limits, LimitsChanged, TaskStopped, WorkerStarted

from .conftest import Shell, begin, team
from .test_background import WAITING, begun
from .test_settings import WORK


def why(shell: Shell, task_id: str) -> tuple[str, list[str], list[str]]:
    said = json.loads(shell("why", task_id, "--json").out)
    return said["status"], said["why"], said["next"]


def lacks(shell: Shell, task_id: str) -> list[str]:
    missing: list[str] = json.loads(shell("why", task_id, "--json").out)["missing"]
    return missing


def test_a_task_that_nobody_has_begun(shell: Shell) -> None:
    task = shell.task()
    status, reasons, then = why(shell, task.id)
    assert (status, reasons[0], then) == ("pending", "nobody has begun it", [f"orchestrator resume {task.id}"])
    assert len(reasons) == 1
    (missing,) = lacks(shell, task.id)
    assert missing.startswith("the checklist is empty")
    shown = shell("why", task.id)
    assert (shown.code, shown.err) == (0, "")
    assert "\n  to be done it lacks:\n  - the checklist is empty" in shown.out
    assert shown.out.startswith(f"{task.id}  clerk is pending\n  nobody has begun it\n")


def test_one_whose_agent_is_not_defined_here_says_where_to_define_it(shell: Shell) -> None:
    _, reasons, _ = why(shell, shell.task(agent="ghost").id)
    assert reasons[0] == "nobody has begun it"
    assert re.match(r"no agent named 'ghost': .* define it, in \.claude/agents/ghost\.md$", reasons[1])


def test_one_that_was_adopted_in_progress_never_had_a_worker(shell: Shell) -> None:
    shell.temp.mkdir()
    (shell.temp / "task-status-HAND22.json").write_text('{"agent": "someone", "status": "in_progress"}')
    shell("adopt")
    status, reasons, then = why(shell, "HAND22")
    assert status == "interrupted"
    assert reasons[0] == "by its documents it was in progress when it was adopted; nobody has worked on it since"
    assert not any("its worker" in reason for reason in reasons)
    assert then == ["orchestrator resume HAND22"]


def test_one_that_runs_a_command_then_is_done(shell: Shell) -> None:
    with shell.model(WAITING):
        task_id = shell("run", "clerk", "Write", "--detach", "--yes").out.strip()
        begun(shell)
        status, reasons, then = why(shell, task_id)
        assert status == "in-progress"
        assert re.fullmatch(r"pid \d+ on .+ is at work", reasons[0])
        assert "it runs Bash touch begun; until test -e go; do sleep 0.01; done, since" in reasons[1]
        assert then == [f"orchestrator log {task_id} --follow"]
        (shell.project / "go").touch()
        assert shell("wait", task_id).code == 0
    assert why(shell, task_id)[1] == ["the engine found all of it done: 1 item checked, by 1 receipt"]


def test_one_that_stopped_at_a_limit_and_one_that_was_cancelled(shell: Shell) -> None:
    with shell.model(WORK.partition("- calls:\n    - Sync: {check")[0]):
        shell("run", "clerk", "Write", "--max-turns", "1", "--yes")
    (row,) = json.loads(shell("status", "--json").out)["tasks"]
    status, reasons, then = why(shell, row["task"])
    assert (status, reasons[0]) == ("stopped", "stopped: limit: 1 of 1 turns used")
    assert lacks(shell, row["task"])[0].startswith("c1 “The task is understood” is open")
    assert then == [f"orchestrator resume {row['task']} --max-turns 21"]
    shell("cancel", row["task"], "Not wanted")
    assert why(shell, row["task"])[1:] == (
        ["a person cancelled it: Not wanted"],
        [f"orchestrator reopen {row['task']}"],
    )


def test_a_blocker_is_told_once_and_what_gets_it_further_is_what_run_said(shell: Shell) -> None:
    with shell.model("- calls:\n    - Sync: {raise_blockers: [The key is missing]}\n- say: I cannot go on.\n"):
        said = shell("run", "clerk", "Write", "--yes").err
    (row,) = json.loads(shell("status", "--json").out)["tasks"]
    status, reasons, then = why(shell, row["task"])
    assert status == "blocked"
    assert [reason for reason in reasons if "The key is missing" in reason] == ["blocked: The key is missing"]
    assert then == [f"orchestrator resume {row['task']}"]
    assert then[0] in said


def test_one_whose_model_did_not_answer(shell: Shell) -> None:
    with shell.model("- {say: Nothing, fault: {status: 400}}"):
        said = shell("run", "clerk", "Write", "--yes")
    assert said.code == 1
    (row,) = json.loads(shell("status", "--json").out)["tasks"]
    status, reasons, then = why(shell, row["task"])
    assert status == row["state"] == "stopped"
    assert re.fullmatch(r"stopped: model: http://\S+ refused the request \(400: .+\)", reasons[0])
    assert reasons[0].removeprefix("stopped: model: ") in said.err
    assert reasons[0].removeprefix("stopped: ") in shell("show", row["task"], "--json").out
    assert then == [f"orchestrator resume {row['task']}"]
    assert shell("wait", row["task"]).code == 1


def test_who_stopped_it_is_told_once(shell: Shell) -> None:
    task = shell.task()
    shell("stop", task.id)
    assert why(shell, task.id)[1][0] == "stopped by a person"
    assert "stopped: stopped" not in shell("log", task.id).out


def test_a_lead_waits_for_each_task_it_gave_away_one_that_is_not_begun_or_cannot_be_read_too(shell: Shell) -> None:
    with shell.engine() as engine:
        given = team(engine)
        begin(engine, given.first, given.lead)
    _, reasons, _ = why(shell, given.lead)
    assert f"it waits for {given.first.child} (first), which is pending" in reasons
    after = f"which is not begun: it comes after {given.first.child}"
    assert f'it waits for {given.second.child} (a "b"), {after}' in reasons
    journal = shell.temp / ".orchestrator" / "journal" / f"{given.first.child}.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"agent"', b'"agenT"', 1))
    assert any("(first), which cannot be read" in reason for reason in why(shell, given.lead)[1])


def test_one_that_the_limit_of_an_open_lead_stopped_goes_on_with_a_higher_one_of_the_lead(shell: Shell) -> None:
    with shell.engine() as engine:
        given = team(engine)
        child = begin(engine, given.first, given.lead).id
        engine.commit(given.lead, [LimitsChanged(limits=Limits(turns=1))], actor="user")
        engine.commit(child, [WorkerStarted(epoch=1, holder="a test")], actor="engine")
        reason = f"limit: 1 of 1 turns used by {given.lead} and those it gave work to"
        engine.commit(child, [TaskStopped(reason=reason, limited_by=given.lead)], actor="engine")
    _, reasons, then = why(shell, child)
    assert reasons[0] == f"stopped: {reason}"
    assert then == [f"orchestrator resume {given.lead} --max-turns 21"]
    assert f"go on with: {then[0]}\n" in shell("show", child).out
    fork = json.loads(shell("fork", child, "--json").out)["task"]
    assert why(shell, fork)[2] == [f"orchestrator resume {fork}"]
    shell("cancel", given.lead)
    assert why(shell, child)[2] == [f"orchestrator resume {child}"]


@pytest.mark.parametrize(
    ("limits", "needed", "options"),
    [
        (Limits(turns=9), Limits(turns=1), "--max-turns 21"),
        (Limits(tokens=9_000), Limits(tokens=70_000), "--max-tokens 158000"),
        (Limits(seconds=30), Limits(seconds=0.05), "--max-seconds 60"),
        (Limits(tokens=9_000, cost=0.5), Limits(tokens=10, cost=0.25), "--max-tokens 18020 --max-cost 1.5"),
    ],
)
def test_where_less_was_left_than_a_turn_may_take_the_way_on_gives_enough_for_one(
    shell: Shell, limits: Limits, needed: Limits, options: str
) -> None:
    """Whatever the reason is in words."""
    with shell.engine() as engine:
        given = team(engine)
        child = begin(engine, given.first, given.lead).id
        engine.commit(given.lead, [LimitsChanged(limits=limits)], actor="user")
        engine.commit(child, [TaskStopped(reason="limit", limited_by=given.lead, needed=needed)], actor="engine")
        engine.commit(given.lead, [TaskStopped(reason="limit", needed=needed)], actor="engine")
    for task_id in (child, given.lead):
        assert why(shell, task_id)[2] == [f"orchestrator resume {given.lead} {options}"]


def test_one_stopped_by_a_limit_of_its_own_goes_on_by_itself_with_a_higher_one(shell: Shell) -> None:
    with shell.engine() as engine:
        given = team(engine)
        child = begin(engine, given.first, given.lead).id
        shown = shell("limit", child, "--max-seconds", "1")
        assert shown.code == 0
        engine.commit(
            child, [TaskStopped(reason="limit: 1 of 1 seconds used", needed=Limits(seconds=0.05))], actor="engine"
        )
    assert why(shell, child)[2] == [f"orchestrator resume {child} --max-seconds 2"]
