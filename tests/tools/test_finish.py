"""Finish: the record says whether a task is done, not the agent."""

import time
from dataclasses import replace

from orchestrator.events import FinishRefused, ItemAdded, ItemChecked, TaskCompleted

SCHEMA = {
    "type": "object",
    "properties": {"files_created": {"type": "array", "items": {"type": "string"}}, "count": {"type": "integer"}},
    "required": ["count"],
}


def done(agent):
    """A task that lacks nothing."""
    agent.call("Sync", add_items=[{"text": "Write a.js"}])
    agent.call("Write", file_path="a.js", content="x")
    agent.call("Sync", check_items=[{"item": "c1", "evidence": ["R2"]}])


def lacks(agent, **given):
    """What a refused Finish says is missing, in its text and in its event alike."""
    result = agent.call("Finish", summary="Done", **given)
    assert result.outcome == "error"
    (event,) = result.events
    assert isinstance(event, FinishRefused)
    assert result.text.splitlines()[1:] == [line for row in event.missing for line in f"- {row}".splitlines()]
    return "\n".join(event.missing)


def test_a_task_that_lacks_nothing_is_completed(agent):
    done(agent)
    result = agent.call("Finish", summary="A model", result={"files_created": ["a.js"]})
    assert result.events == (TaskCompleted(summary="A model", result={"files_created": ["a.js"]}, heard=0),)
    assert (agent.task.status, agent.task.summary) == ("completed", "A model")


def test_everything_that_is_missing_is_listed_at_once(agent):
    agent.call(
        "Sync",
        add_items=[{"text": "Test it"}],
        workstreams=[{"id": "models"}],
        raise_blockers=["No database"],
    )
    agent.call("Bash", command="true")
    agent.task = replace(agent.task, verify=("echo broken; false",))
    text = lacks(agent, result={"files_created": ["b.js"]})
    for part in ("c1 “Test it”", "workstream models", "B1", "Sync is owed for R2", "b.js", "failed with exit code 1"):
        assert part in text
    assert "broken" in text
    assert agent.task.finish_refusals == 1
    assert agent.task.status == "in-progress"


def test_an_empty_checklist_is_not_done(agent):
    assert "checklist is empty" in lacks(agent)


def test_a_dropped_item_is_not_missing_but_it_is_not_a_checklist_either(agent):
    agent.call("Sync", add_items=[{"text": "Test"}])
    agent.call("Sync", drop_items=[{"item": "c1", "reason": "no"}])
    assert "checklist is empty" in lacks(agent)


def test_a_tick_a_command_made_lacks_proof_and_a_persons_does_not(agent):
    agent.apply(ItemAdded(id="c1", text="One"), ItemAdded(id="c2", text="Two"))
    agent.apply(ItemChecked(id="c1"), actor="command")
    agent.apply(ItemChecked(id="c2"), actor="editor")
    text = lacks(agent)
    assert "c1 “One” is checked without proof" in text
    assert "c2" not in text


def test_a_declared_result_must_be_there_and_fit_its_schema(agent):
    done(agent)
    agent.task = replace(agent.task, output_schema=SCHEMA)
    assert "`result` is missing" in lacks(agent)
    text = lacks(agent, result={"count": "one", "files_created": [1]})
    assert "result at $.count: 'one' is not of type 'integer'" in text
    assert "result at $.files_created[0]" in text
    assert agent.call("Finish", summary="Done", result={"count": 1}).outcome == "ok"


def test_a_result_that_names_what_no_call_did_is_a_lie(agent):
    done(agent)
    assert "files_created names b.js, which no call of this task changed" in lacks(
        agent, result={"files_created": ["a.js", "b.js"]}
    )


def test_verification_runs_in_the_workspace_unasked_and_every_command_must_pass(agent):
    done(agent)
    agent.permitted = False
    agent.task = replace(agent.task, verify=("test -f a.js", "echo why; exit 7"))
    assert lacks(agent) == "verification `echo why; exit 7` failed with exit code 7\nwhy"
    agent.task = replace(agent.task, verify=("test -f a.js",))
    assert "Verified: `test -f a.js`" in agent.call("Finish", summary="Done").text
    assert agent.asked == []


def test_a_verification_that_ran_before_the_crash_is_not_run_again(agent):
    done(agent)
    agent.task = replace(agent.task, verify=("echo ran >> log",))
    given = {"summary": "Done"}
    (intent,) = agent.intend(("Finish", given))
    agent.run(intent, given)
    assert agent.settle(intent, given).outcome == "ok"
    assert (agent.workspace / "log").read_text() == "ran\n"


def test_a_verification_whose_end_nobody_saw_does_not_count_and_is_not_run_again(agent):
    done(agent)
    agent.task = replace(agent.task, verify=("echo ran >> log",))
    given = {"summary": "Done"}
    (intent,) = agent.intend(("Finish", given))
    agent.run(intent, given)
    (agent.place.commands / f"{intent.call}-verify-1" / "status").unlink()
    result = agent.settle(intent, given)
    assert result.outcome == "error"
    assert "call Finish again" in result.text
    assert (agent.workspace / "log").read_text() == "ran\n"
    assert agent.call("Finish", summary="Done").outcome == "ok"


def test_a_verification_that_never_ran_is_run_when_the_task_resumes(agent):
    done(agent)
    agent.task = replace(agent.task, verify=("echo ran >> log",))
    given = {"summary": "Done"}
    (intent,) = agent.intend(("Finish", given))
    assert agent.settle(intent, given).outcome == "ok"
    assert (agent.workspace / "log").read_text() == "ran\n"


def test_a_verification_ends_with_the_time_of_its_task(agent):
    agent.task = replace(agent.task, verify=("sleep 600",))
    agent.deadline = time.monotonic() + 0.3
    assert "verification `sleep 600` was ended: timed out" in agent.call("Finish", summary="Done.").text
