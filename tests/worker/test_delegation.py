"""A task that gives work to other agents: a lead and its helpers, each with a task of its own."""

from __future__ import annotations

import json

import pytest

from orchestrator.errors import BadKey, Interrupted, TaskIsBlocked
from orchestrator.events import Limits, MessageReceived, TaskStopped
from orchestrator.settings import Caps
from orchestrator.task import Task
from orchestrator.team.plan import read
from orchestrator.worker import Moment
from tests.worker.conftest import DONE, PLAN, WRITE, Stage, texts

GIVE = "{Delegate: {agent: helper, task: Write the note., workstream: note}}"
LEAD = "{Sync: {add_items: [{text: The note is written}], workstreams: [{id: note, description: The note}]}}"
HELPED = f"""
- calls: [{PLAN}, {WRITE}]
{DONE}
"""
ACCEPT = """
- calls:
  - Read: {file_path: note.txt}
- calls:
  - Sync: {check_items: [{item: c1, evidence: [R3]}]}
  - Finish: {summary: The helper has written the note.}
"""


@pytest.fixture
def stage(stage: Stage) -> Stage:
    stage.agent("helper")
    return stage


def child(stage: Stage, number: int = 0) -> Task:
    with stage.engine() as engine:
        return engine.refresh(stage.task.children[number].id).task


def lead(stage: Stage, *turns: str, **others: str) -> None:
    if not stage.id:
        stage.start()
    with stage.model(clerk="\n".join(turns), **others):
        stage.work()


def test_a_task_is_given_away_and_its_result_comes_back(stage: Stage) -> None:
    lead(stage, f"- calls: [{LEAD}, {GIVE}]", ACCEPT, helper=HELPED)
    assert stage.task.status == "archived"
    helped = child(stage)
    assert (helped.status, helped.agent, helped.parent) == ("archived", "helper", stage.id)
    said = stage.told[1]
    assert f"Task {helped.id} (helper) is completed." in said
    assert "The note is written." in said
    assert "Files it changed: note.txt" in said
    assert f".temp/completed/task-status-{helped.id}.json" in said


def test_the_documents_of_both_name_each_other_and_the_workstream_follows(stage: Stage) -> None:
    lead(stage, f"- calls: [{LEAD}, {GIVE}]", ACCEPT, helper=HELPED)
    mine = json.loads(stage.document("task-status").read_text())
    helped = child(stage)
    assert f".temp/completed/task-status-{helped.id}.json" in mine["relatedAgentFiles"]
    [row] = mine["workstreams"]
    assert (row["id"], row["status"], row["assignedAgent"]) == ("note", "completed", "helper")
    theirs = json.loads((stage.temp / "completed" / f"task-status-{helped.id}.json").read_text())
    assert theirs["parentTask"] == stage.id
    assert f".temp/completed/task-status-{stage.id}.json" in theirs["relatedAgentFiles"]


def test_several_in_one_message_run_side_by_side(stage: Stage) -> None:
    both = "{Delegate: {agent: helper, task: Write the note.}}, {Delegate: {agent: other, task: Write the letter.}}"
    stage.agent("other")
    order: list[str] = []
    stage.watch = lambda moment: order.append(f"{moment.task.agent} {moment.kind}")
    letter = HELPED.replace("note.txt", "letter.txt")
    accept = ACCEPT.replace("R3", "R4")
    lead(stage, f"- calls: [{PLAN}, {both}]", accept, helper=HELPED, other=letter)
    assert stage.task.status == "archived"
    assert order.index("other started") < order.index("helper done")
    assert order.index("helper started") < order.index("other done")


def test_one_that_comes_after_another_waits_for_it(stage: Stage) -> None:
    stage.agent("other")
    first = "{Delegate: {agent: helper, task: Write the note., workstream: note}}"
    second = "{Delegate: {agent: other, task: Write the letter., after: [note]}}"
    order: list[str] = []
    stage.watch = lambda moment: order.append(f"{moment.task.agent} {moment.kind}")
    letter = HELPED.replace("note.txt", "letter.txt")
    lead(stage, f"- calls: [{LEAD}, {first}, {second}]", ACCEPT.replace("R3", "R4"), helper=HELPED, other=letter)
    assert stage.task.status == "archived"
    assert order.index("helper done") < order.index("other started")


@pytest.mark.parametrize("name", ["Task", "Agent"])
def test_agents_that_know_it_by_another_name_give_work_away_too(stage: Stage, name: str) -> None:
    stage.agent("clerk", tools=f"Read, {name}")
    call = f"{{{name}: {{description: The note, prompt: Write the note., subagent_type: helper}}}}"
    lead(stage, f"- calls: [{PLAN}, {call}]", ACCEPT, helper=HELPED)
    assert stage.task.status == "archived"
    assert child(stage).description == "The note\n\nWrite the note."


def test_an_errand_takes_what_claude_code_s_does(stage: Stage) -> None:
    stage.agent("clerk", tools="Read, Write, Task")
    call = (
        "{Task: {description: The note, prompt: Write it., subagent_type: helper, name: note, model: haiku, "
        "run_in_background: true, isolation: worktree}}"
    )
    wait = "{Await: {tasks: ['{{asker}}']}}"
    lead(stage, f"- calls: [{LEAD}, {call}]", f"- calls: [{wait}]", ACCEPT.replace("R3", "R4"), helper=HELPED)
    assert "is at work: wait for it with Await" in stage.told[1]
    assert stage.task.status == "archived"
    assert (child(stage).model, stage.task.children[0].workstream) == ("haiku", "note")


def test_an_errand_for_no_agent_by_name_is_for_one_like_the_one_that_asks(stage: Stage) -> None:
    stage.agent("clerk", tools="Read, Task")
    stop = "- calls: [{Sync: {raise_blockers: [A name]}}]\n- say: I need a name.\n"
    lead(stage, f"- calls: [{LEAD}, {{Task: {{description: The note, prompt: Write it.}}}}]\n{stop}")
    assert child(stage).agent == "clerk"


def test_what_cannot_be_given_away_is_said(stage: Stage) -> None:
    calls = (
        "{Delegate: {agent: nobody, task: Anything}}",
        "{Delegate: {agent: helper, task: Anything, continue_task: AAAAA2}}",
        "{Delegate: {agent: helper, task: Anything, after: [nothing]}}",
    )
    stage.start(limits=Limits(turns=1))
    with stage.model(clerk=f"- calls: [{PLAN}, {', '.join(calls)}]"):
        stage.work()
    said = stage.told[1]
    assert "no agent named 'nobody'" in said
    assert "AAAAA2 is no task you delegated" in said
    assert "`after` names 'nothing', which was not delegated before this task" in said
    assert stage.task.children == ()


CANCEL = "{Cancel: {task: '{{child}}', reason: It is not needed}}"
STOP = "- calls: [{Sync: {raise_blockers: [A name]}}]\n- say: I need a name.\n"


def test_what_comes_after_one_that_is_not_done_is_not_begun_and_can_be_cancelled(stage: Stage) -> None:
    second = "{Delegate: {agent: other, task: Write the letter., after: [note], workstream: letter}}"
    stage.agent("other")
    own = """
- calls:
  - Sync: {workstreams: [{id: note, status: completed}, {id: letter, status: completed}]}
  - Sync: {check_items: [{item: c1, evidence: [R6]}]}
  - Finish: {summary: I wrote the note myself.}
"""
    lead(
        stage,
        f"- calls: [{LEAD}, {GIVE}, {second}]",
        f"- calls: [{CANCEL.replace('child', 'first')}, {CANCEL.replace('child', 'other')}]",
        f"- calls: [{WRITE}]",
        own,
        helper=STOP,
    )
    first, other = stage.task.children
    assert f"task {other.id} was not begun: {first.id}, which it comes after, is blocked" in stage.told[1]
    assert [row.status for row in stage.task.children] == ["cancelled", "cancelled"]
    assert [child(stage, number).ended for number in (0, 1)] == ["cancelled", "cancelled"]
    assert child(stage, 1).turns == 0
    assert stage.task.ended == "completed"


def test_a_helper_whose_verification_nobody_permits_is_not_begun(stage: Stage) -> None:
    stage.agent("helper", verify="make test")
    stage.permitted = False
    lead(
        stage,
        f"- calls: [{LEAD}, {GIVE}]",
        f"- calls: [{CANCEL}, {{Cancel: {{task: AAAAA2, reason: None}}}}]",
        STOP,
    )
    assert "`make test`, its verification, is not permitted" in stage.told[1]
    assert "AAAAA2 is no task you delegated" in stage.told[2]
    assert (child(stage).ended, child(stage).turns) == ("cancelled", 0)
    assert stage.task.workstreams[0].status == "pending"


@pytest.mark.parametrize("line", [0, 1])
def test_what_a_helper_gave_away_is_cancelled_with_it_also_after_a_crash(stage: Stage, line: int) -> None:
    stage.agent("third")
    give = "{Delegate: {agent: third, task: Write it.}}"
    stage.start()
    with stage.model(
        clerk=f"- calls: [{LEAD}, {GIVE}]\n- calls: [{CANCEL}]\n{STOP}",
        helper=f"- calls: [{PLAN}, {give}]\n{STOP}",
        third=STOP,
    ):
        stage.die("call", line, nth=7)
        stage.work()
    with stage.engine() as engine:
        third = engine.refresh(child(stage).children[0].id).task
    assert (child(stage).ended, third.ended) == ("cancelled", "cancelled")
    assert stage.task.children[0].status == "cancelled"
    assert stage.task.workstreams[0].status == "pending"


def test_one_that_was_never_created_is_waited_for_no_longer(stage: Stage) -> None:
    """As a crash leaves it, and the agent's file is gone when it is resumed."""
    stage.start()
    with stage.model(clerk=f"- calls: [{LEAD}, {GIVE}]\n{STOP}"):
        stage.die("call", None, nth=2)
        (stage.workspace / ".claude" / "agents" / "helper.md").unlink()
        stage.work()
    assert "was never begun: no agent named 'helper'" in stage.told[1]
    assert stage.task.children[0].status == "cancelled"


def test_a_task_is_not_done_before_those_it_gave_away(stage: Stage) -> None:
    asks = "- calls: [{Sync: {raise_blockers: [The name of the note]}}]\n- say: I need the name.\n"
    lead(
        stage,
        f"- calls: [{LEAD}, {GIVE}]",
        "- calls: [{Finish: {summary: Done.}}]",
        "- calls: [{Sync: {raise_blockers: [A name]}}]\n- say: I need a name.\n",
        helper=asks,
    )
    assert isinstance(stage.ends[stage.id], TaskIsBlocked)
    assert "Blocked by: The name of the note" in stage.told[1]
    assert f"task {child(stage).id}, given to helper, is blocked" in stage.told[2]


def test_a_blocked_one_goes_on_with_what_it_lacked(stage: Stage) -> None:
    asks = "- calls: [{Sync: {raise_blockers: [The name of the note]}}]\n- say: I need the name.\n"
    mine = "- calls: [{Sync: {raise_blockers: [A name]}}]\n- say: I need a name.\n"
    known = "{Sync: {resolve_blockers: [{id: B1, resolution: it is known}]}}"
    answer = "{Delegate: {agent: helper, task: It is note.txt., continue_task: '{{child}}'}}"
    accept = ACCEPT.replace("R3", "R5")
    done = """
- calls:
  - Sync: {check_items: [{item: c1, evidence: [R3]}, {item: c2, evidence: [R3]}]}
  - Finish: {summary: The note is written.}
"""
    there = "{Sync: {resolve_blockers: [{id: B1, resolution: note.txt}], add_items: [{text: The note is written}]}}"
    stage.start()
    clerk = f"- calls: [{LEAD}, {GIVE}]\n{mine}- calls: [{known}, {answer}]\n{accept}"
    with stage.model(clerk=clerk, helper=f"{asks}- calls: [{there}, {WRITE}]\n{done}"):
        stage.work()
        assert child(stage).status == "blocked"
        stage.work()
    assert "It is note.txt." in [row.text for row in child(stage).instructions]
    assert "People have changed tasks that you gave away" not in "".join(stage.told)
    assert (child(stage).status, stage.task.status) == ("archived", "archived")


@pytest.mark.parametrize("line", [None, 0, 1])
def test_after_a_crash_a_child_goes_on_and_a_done_one_is_not_run_again(stage: Stage, line: int | None) -> None:
    stage.start()
    with stage.model(clerk=f"- calls: [{LEAD}, {GIVE}]\n{ACCEPT}", helper=HELPED):
        for nth, moment in enumerate(("call", "ended", "done")):
            stage.die(moment, None if moment == "done" else line, nth=2 if nth == 0 else 1)
        stage.work()
    assert stage.task.status == "archived"
    assert child(stage).turns == 2
    assert (stage.workspace / "note.txt").read_text() == "hello"
    assert len(stage.task.children) == 1


def test_a_model_that_does_not_answer_a_helper_is_no_news_for_its_lead(stage: Stage) -> None:
    """The lead ends too, its call pending; both go on together, and nobody is asked in between."""
    stage.agent("other")
    both = f"{GIVE}, {{Delegate: {{agent: other, task: Write the letter.}}}}"
    down = f"- {{fault: {{status: 401, times: 1}}, calls: [{PLAN}, {WRITE}]}}\n{DONE}"
    stage.start()
    with stage.model(
        clerk=f"- calls: [{LEAD}, {both}]\n{ACCEPT.replace('R3', 'R4')}",
        helper=down,
        other=HELPED.replace("note.txt", "letter.txt"),
    ):
        stage.work()
        assert isinstance(stage.ends[stage.id], BadKey)
        assert (stage.task.turns, stage.task.status) == (1, "stopped")
        assert [stage.task.reason, child(stage).reason] == [f"model: {stage.ends[stage.id]}"] * 2
        assert child(stage, 1).status == "archived"
        stage.work()
    assert (stage.task.turns, stage.task.status) == (3, "archived")


def test_a_helper_that_a_person_stops_is_no_news_for_its_lead(stage: Stage) -> None:
    def stop(moment: Moment) -> None:
        if moment.kind == "call" and moment.call and moment.call["name"] == "Bash":
            stage.watch = lambda moment: None
            with stage.engine() as engine:
                engine.commit(moment.task.id, [TaskStopped(reason="stopped by a person")], actor="user")

    stage.watch = stop
    stage.start()
    helper = f"- calls: [{PLAN}, {WRITE}, {{Bash: {{command: sleep 600}}}}]\n{DONE}"
    with stage.model(clerk=f"- calls: [{LEAD}, {GIVE}]\n{ACCEPT}", helper=helper):
        stage.work()
        assert isinstance(stage.ends[stage.id], Interrupted)
        assert (stage.task.turns, child(stage).status) == (1, "stopped")
        stage.work()
    assert (stage.task.turns, stage.task.status) == (3, "archived")


def test_one_that_is_opened_again_while_its_lead_works_is_gone_on_with(stage: Stage) -> None:
    def more(moment: Moment) -> None:
        if moment.kind == "call" and moment.call and moment.call["name"] == "Read":
            stage.watch = lambda moment: None
            with stage.engine() as engine:
                engine.instruct(stage.task.children[0].id, "Sign it.")

    stage.watch = more
    await_it = "- calls: [{Await: {tasks: ['{{child}}']}}]\n"
    sign = "- calls: [{Bash: {command: echo me >> note.txt}}]\n"
    signed = DONE.replace("c1", "c2").replace("[R2]", "[R5]")
    read = "- calls: [{Read: {file_path: note.txt}}]\n"
    accept = """
- calls:
  - Sync: {check_items: [{item: c1, evidence: [R3]}]}
  - Finish: {summary: It is signed.}
"""
    lead(stage, f"- calls: [{LEAD}, {GIVE}]\n{read}{await_it}{accept}", helper=f"{HELPED}{sign}{signed}")
    assert stage.task.status == "archived", stage.ends
    assert (stage.workspace / "note.txt").read_text() == "hellome\n"


def test_a_lead_that_waits_hears_at_once_that_there_is_more_to_do(stage: Stage) -> None:
    stage.caps = Caps(workers=1)  # the helper begins once the lead waits
    await_it = "- calls: [{Await: {tasks: ['{{asker}}']}}]\n"

    def more(moment: Moment) -> None:
        if moment.kind == "call" and moment.call and moment.call["name"] == "Await":
            stage.watch = lambda moment: None
            with stage.engine() as engine:
                engine.instruct(stage.id, "Sign it.")

    stage.watch = more
    accept = ACCEPT.replace("R3", "R5").replace("[{item: c1,", "[{item: c2, evidence: [R5]}, {item: c1,")
    give = GIVE.replace("workstream: note", "workstream: note, wait: false")
    lead(stage, f"- calls: [{LEAD}, {give}]\n{await_it}{await_it}{accept}", helper=HELPED)
    assert stage.task.status == "archived", stage.ends
    assert "More to do (item c2): Sign it." in stage.told[2]
    assert f"Task {child(stage).id} (helper) is at work" in stage.told[2]
    assert f"Task {child(stage).id} (helper) is completed" in stage.told[3]


def test_what_a_person_tells_a_written_team_is_no_end_of_what_it_waits_for(stage: Stage) -> None:
    (stage.workspace / "team.yaml").write_text("tasks: {note: {agent: helper, task: Write the note.}}")
    with stage.team() as team:
        stage.id = team.start_written(read(stage.workspace / "team.yaml", {"helper"})).id
    wait = "- calls: [{Sync: {resolve_blockers: [{id: B1, resolution: It is known}]}}]\n"
    done = HELPED.replace("R2", "R4")

    def tell(moment: Moment) -> None:
        if moment.kind == "call" and moment.call and moment.call["name"] == "Await":
            with stage.engine() as engine:
                engine.commit(stage.id, [MessageReceived(text="Thank you.")], actor="user")

    stage.watch = tell
    with stage.model(helper=f"{STOP}{wait}{done}"):
        stage.work()
        assert isinstance(stage.ends[stage.id], TaskIsBlocked)
        stage.work()
    assert stage.task.ended == "completed", stage.ends


def test_the_lead_s_documents_follow_a_helper_while_others_are_at_work(stage: Stage) -> None:
    """What the first has done is there to be read before the second is done."""
    stage.agent("other")
    first = "{Delegate: {agent: helper, task: Write the note., workstream: note}}"
    second = "{Delegate: {agent: other, task: Write the letter., after: [note], workstream: letter}}"
    seen: list[list[str]] = []

    def look(moment: Moment) -> None:
        if moment.task.agent == "other" and moment.kind == "asking":
            seen.append([row["status"] for row in json.loads(stage.document("task-status").read_text())["workstreams"]])

    stage.watch = look
    letter = HELPED.replace("note.txt", "letter.txt")
    lead(stage, f"- calls: [{LEAD}, {first}, {second}]", ACCEPT.replace("R3", "R4"), helper=HELPED, other=letter)
    assert seen[0] == ["completed", "in-progress"]


def test_the_tree_has_an_end(stage: Stage) -> None:
    stage.agent("helper", body="You give work away.")
    stage.agent("third")
    plan = "{Sync: {add_items: [{text: Nothing}]}}"
    give = "{Delegate: {agent: AGENT, task: Give it away.}}"
    stop = "- calls: [{Sync: {raise_blockers: [Too deep]}}]\n- say: I stop.\n"
    stage.start()
    with stage.model(
        clerk=f"- calls: [{plan}, {give.replace('AGENT', 'helper')}]\n{stop}",
        helper=f"- calls: [{plan}, {give.replace('AGENT', 'third')}]\n{stop}",
        third=f"- calls: [{plan}, {give.replace('AGENT', 'helper')}]\n{stop}",
    ):
        stage.work()
    with stage.engine() as engine:
        third = engine.refresh(child(stage).children[0].id).task
    assert not third.children
    assert "too deep in the tree" in str(third.transcript[2].content)


def test_an_agent_tells_the_one_that_gave_it_its_task(stage: Stage) -> None:
    told = HELPED.replace(
        f"[{PLAN}, {WRITE}]", f"[{PLAN}, {WRITE}, {{Tell: {{to: parent, message: The note is short.}}}}]"
    )
    lead(stage, f"- calls: [{LEAD}, {GIVE}]", ACCEPT, helper=told)
    assert stage.task.status == "archived"
    assert f"- Task {child(stage).id}: The note is short." in stage.told[1]
    assert stage.told[1].count("The note is short.") == 1


def test_what_a_task_was_told_before_its_model_was_told_anything_is_said_with_the_brief(stage: Stage) -> None:
    stage.start()
    with stage.engine() as engine:
        engine.commit(stage.id, [MessageReceived(text="Use tabs.")], actor="user")
    with stage.model(clerk=f"- calls: [{PLAN}, {WRITE}]\n{DONE}"):
        stage.work()
    assert "A person: Use tabs." in texts(stage.task.transcript[0].content)
    assert "".join(stage.told).count("Use tabs.") == 1


def test_nobody_can_be_told_who_is_not_there(stage: Stage) -> None:
    stage.start(limits=Limits(turns=1))
    calls = "{Tell: {to: parent, message: Hello}}, {Tell: {to: AAAAA2, message: Hello}}"
    with stage.model(clerk=f"- calls: [{PLAN}, {calls}]"):
        stage.work()
    assert "A person gave you this task" in stage.told[1]
    assert "There is no task 'AAAAA2'" in stage.told[1]
