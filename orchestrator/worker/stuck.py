"""When an agent goes round in circles: its last calls say so, by what they were given and how they ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.events import Json
from orchestrator.task import Task
from orchestrator.worker.calls import Ended

SAME = 5
"""So many equal calls in a row, with equal results."""
ROUNDS = 4
"""So many times two calls in turn, each with its equal result."""
FAILED = 10
"""So many calls in a row that failed."""
_ELSEWHERE = ("Finish",)
"""Calls whose failures are counted already: see `finish_refusals`."""


@dataclass(frozen=True)
class Call:
    name: str
    given: Json
    text: str
    failed: bool


def noticed(task: Task, ended: Sequence[Ended]) -> str | None:
    """What shows that the calls, `ended` being the last, lead nowhere; only those since the model was told count."""
    calls = _calls(task, ended)
    last = calls[-1:]
    if len(calls) >= SAME and calls[-SAME:] == last * SAME:
        return f"{last[0].name} was called {SAME} times in a row with the same input and the same result"
    if len(calls) >= 2 * ROUNDS and calls[-2 * ROUNDS :] == calls[-2:] * ROUNDS:
        return f"{calls[-2].name} and {last[0].name} were called {ROUNDS} times in turn with the same results"
    if len(calls) >= FAILED and all(call.failed for call in calls[-FAILED:]):
        return f"the last {FAILED} calls failed"
    return None


def _calls(task: Task, ended: Sequence[Ended]) -> list[Call]:
    """The calls of the conversation as far as they matter, oldest first."""
    known = {receipt.call for receipt in task.receipts[task.stuck or 0 :]}
    found = [
        Call(one.block["name"], one.block["input"], one.result.text, one.result.outcome == "error")
        for one in ended
        if one.block["name"] not in _ELSEWHERE
    ]
    results: dict[str, Json] = {}
    for message in reversed(task.transcript):
        if len(found) >= FAILED:
            break
        if message.role == "user":
            results = {row["tool_use_id"]: row for row in message.content if row["type"] == "tool_result"}
            continue
        blocks = [row for row in message.content if row["type"] == "tool_use" and row["id"] in results]
        if any(block["id"] not in known for block in blocks):
            break
        found[:0] = [
            Call(block["name"], block["input"], _text(results[block["id"]]), results[block["id"]]["is_error"])
            for block in blocks
            if block["name"] not in _ELSEWHERE
        ]
    return found


def _text(result: Json) -> str:
    """What a call told the model, without its receipt."""
    return "".join(row["text"] for row in result["content"][:-1])
