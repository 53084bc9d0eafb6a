"""An agent that goes round in circles is told once, then stopped; its work is kept."""

from __future__ import annotations

import json

import pytest

from orchestrator.errors import TaskIsBlocked
from orchestrator.task import Task

from .conftest import DONE, PLAN, WRITE, Stage

WORK = f"- calls: [{PLAN}]\n- calls: [{WRITE}]\n"
LOOK = "- calls: [{Read: {file_path: note.txt}}]\n"
MISS = "- calls: [{Read: {file_path: other.txt}}]\n"
CIRCLES = {
    "the same call": (LOOK * 5, "Read was called 5 times in a row"),
    "two calls in turn": ((LOOK + MISS) * 4, "Read and Read were called 4 times in turn"),
    "calls that fail": ("".join(MISS.replace("other", f"other-{n}") for n in range(10)), "the last 10 calls failed"),
}


def told(request: dict) -> bool:
    return "You are going round in circles" in json.dumps(request["messages"][-1])


@pytest.mark.parametrize(("turns", "reason"), CIRCLES.values(), ids=CIRCLES)
def test_who_goes_round_in_circles_is_told_once_and_then_blocked(stage: Stage, turns: str, reason: str) -> None:
    stage.start()
    end = stage.play(WORK, turns, turns)
    assert isinstance(end, TaskIsBlocked)
    assert reason in str(end)
    assert stage.task.status == "blocked"
    assert [told(request) for request in stage.requests].count(True) == 1
    assert (stage.workspace / "note.txt").read_text() == "hello"
    assert isinstance(stage.play(WORK, turns, turns, LOOK, DONE), Task)


def test_calls_that_find_something_new_are_no_circle(stage: Stage) -> None:
    stage.start()
    other = "- calls: [{Read: {file_path: note.txt, limit: %d}}]\n"
    end = stage.play(WORK, LOOK * 4, other % 7, LOOK * 4, *(other % n for n in range(1, 8)), DONE)
    assert isinstance(end, Task)
    assert not any(map(told, stage.requests))
