"""A conversation that outgrows the model's window begins anew, and the task goes on where it was."""

from __future__ import annotations

import pytest

from orchestrator.errors import ScreenplayError, TaskIsBlocked
from orchestrator.events import Json
from orchestrator.task import Task
from orchestrator.worker.worker import ATTEMPTS

from .conftest import DONE, PLAN, WRITE, Stage, script, texts

WINDOW = "window: 30000"
READ = "- calls: [Read: {file_path: long.txt}]\n"
"""Some 6,000 tokens."""
NOTES = """
- calls:
  - Sync:
      phase: writing
      plan: First three notes, then a count.
      add_items: [{text: one.txt is written}, {text: two.txt is written}, {text: three.txt is written}]
      workstreams: [{id: w1, description: The notes, status: in-progress}]
      decisions: [{decision: Plain text, rationale: People read it}]
"""
END = """
- calls: [Sync: {workstreams: [{id: w1, status: completed}]}]
- calls: [Finish: {summary: Three notes are written.}]
"""


def note(name: str, item: str, receipt: str) -> str:
    return f"""
- calls: [Write: {{file_path: {name}.txt, content: {name}}}]
- calls: [Sync: {{check_items: [{{item: {item}, evidence: [{receipt}]}}]}}]
"""


LONG = script(
    NOTES, note("one", "c1", "R2"), READ * 4, note("two", "c2", "R8"), READ * 4, note("three", "c3", "R14"), END
)
"""It overflows twice, each time with the result of the fourth Read."""
OVERFLOW = 8
"""The turn before which it does so first."""


@pytest.fixture
def stage(stage: Stage) -> Stage:
    (stage.workspace / "long.txt").write_text("all work and no play\n" * 900)
    stage.start()
    return stage


def play(stage: Stage, turns: str, setup: str = WINDOW) -> Task:
    with stage.model(setup=setup, clerk=turns):
        stage.work()
    end = stage.ends[stage.id]
    assert isinstance(end, Task), end
    return end


def summings_up(stage: Stage) -> list[Json]:
    return [request for request in stage.requests if "compaction" in request]


def openings(stage: Stage) -> list[str]:
    """What each renewed conversation began with, once each."""
    first = [next(one for one in request["messages"] if one["role"] == "user") for request in stage.requests]
    return [*dict.fromkeys(words for one in first if "Replies so far: " in (words := texts(one["content"])))]


@pytest.mark.parametrize("compaction", ["offered", "refused", "failed"])
def test_a_task_that_overflows_twice_is_done_to_its_last_item(stage: Stage, compaction: str) -> None:
    end = play(stage, LONG, f"{WINDOW}\ncompaction: {compaction}")
    assert [item.checked for item in end.items] == [True, True, True]
    assert len(summings_up(stage)) == 2
    assert [moment.text for moment in stage.moments if moment.kind == "renewed"] == [
        "with a summary" if compaction == "offered" else "without a summary"
    ] * 2


@pytest.mark.parametrize("compaction", ["offered", "refused", "failed"])
def test_the_renewed_conversation_holds_the_plan_and_what_is_missing(stage: Stage, compaction: str) -> None:
    play(stage, LONG, f"{WINDOW}\ncompaction: {compaction}")
    first, second = openings(stage)
    for words in (first, second):
        for known in (stage.id, "First three notes, then a count.", "People read it", "- R2 Write ok: one.txt"):
            assert known in words
    assert "Replies so far: 7" in first
    missing = [words.split("## What is missing")[1] for words in (first, second)]
    assert ["c2 “two.txt is written” is open" in words for words in missing] == [True, False]
    assert ["c3 “three.txt is written” is open" in words for words in missing] == [True, True]


def test_the_summary_is_sent_first_as_it_came_and_only_the_newest(stage: Stage) -> None:
    play(stage, LONG)
    blocks = [request["messages"][0]["content"] for request in stage.requests if "compaction" not in request]
    sent = [content[0]["content"] for content in blocks if content[0]["type"] == "compaction"]
    assert list(dict.fromkeys(sent)) == ["clerk has replied 6 times so far.", "clerk has replied 12 times so far."]


def test_what_the_summaries_took_is_counted(stage: Stage) -> None:
    usage = "usage: {input_tokens: 0, output_tokens: 1, cache_read_input_tokens: 0, cache_creation_input_tokens: 0}"
    end = play(stage, LONG.replace("- calls:", f"- {usage}\n  calls:"))
    assert end.usage.output_tokens > end.turns
    assert end.usage.total > 40_000


def test_a_result_too_long_for_the_window_is_told_by_its_receipt_alone(stage: Stage) -> None:
    (stage.workspace / "huge.txt").write_text("all work and no play\n" * 1990)
    tail = "- calls: [Read: {file_path: huge.txt}]\n"
    play(stage, script(f"- calls: [{PLAN}]", f"- calls: [{WRITE}]", tail, DONE), "window: 12000")
    (opening,) = openings(stage)
    assert "- R3 Read ok: huge.txt" in opening
    assert "all work and no play" not in opening


@pytest.mark.parametrize("compaction", ["offered", "refused"])
@pytest.mark.parametrize(("moment", "line", "nth"), [("asking", 0, OVERFLOW), ("renewed", None, 1), ("renewed", 0, 1)])
def test_a_worker_killed_around_the_renewal_goes_on(
    stage: Stage, compaction: str, moment: str, line: int | None, nth: int
) -> None:
    with stage.model(setup=f"{WINDOW}\ncompaction: {compaction}", clerk=LONG):
        stage.die(moment, line, nth)
        stage.work()
    end = stage.ends[stage.id]
    assert isinstance(end, Task)
    assert [item.checked for item in end.items] == [True, True, True]
    assert end.resumed == 1


CUT_OFF = f"- {{calls: [{WRITE}], stop_reason: model_context_window_exceeded}}\n"


@pytest.mark.parametrize("killed", [False, True])
def test_the_calls_of_a_reply_that_reached_the_end_of_the_window_are_not_run(stage: Stage, killed: bool) -> None:
    with stage.model(clerk=script(f"- calls: [{PLAN}]", CUT_OFF, f"- calls: [{WRITE}]", DONE)):
        if killed:
            stage.die("asking", 1, 2)
        stage.work()
    end = stage.ends[stage.id]
    assert isinstance(end, Task), end
    assert [receipt.tool for receipt in end.receipts] == ["Sync", "Write", "Sync", "Finish"]
    assert len(openings(stage)) == 1


FULL = f"- {{calls: [{WRITE}], usage: {{input_tokens: 170000}}}}\n"


@pytest.mark.parametrize(("window", "renewed"), [(200_000, 1), (1_000_000, 0)])
def test_the_conversation_is_summed_up_whole_before_it_outgrows_the_window_the_server_tells(
    stage: Stage, window: int, renewed: int
) -> None:
    play(stage, script(f"- calls: [{PLAN}]", FULL, DONE), f"window: {window}")
    assert len(openings(stage)) == renewed
    assert [len(request["messages"]) for request in summings_up(stage)] == [5] * renewed


def test_a_task_that_is_too_long_to_begin_is_blocked_until_a_model_can_hold_it(stage: Stage) -> None:
    turns = script(f"- calls: [{PLAN}]", f"- calls: [{WRITE}]", DONE)
    with pytest.raises(ScreenplayError, match="never reached"), stage.model(setup="window: 100", clerk=turns):
        stage.work()
    assert isinstance(stage.ends[stage.id], TaskIsBlocked)
    assert "does not fit, even begun anew" in str(stage.ends[stage.id])
    assert len(stage.requests) == 1
    play(stage, turns)


def test_an_agent_that_reads_too_much_again_and_again_is_blocked(stage: Stage) -> None:
    again = script(f"- calls: [{PLAN}]", READ * (ATTEMPTS + 1))
    with stage.model(setup="window: 10000", clerk=again):
        stage.work()
    assert isinstance(stage.ends[stage.id], TaskIsBlocked)
