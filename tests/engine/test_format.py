"""A `.temp` that the first version of the format left is opened for ever: its lines are read as they were meant."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from orchestrator import budget
from orchestrator.engine import Engine
from orchestrator.events import Event, PhaseChanged
from proof.folder import assert_in_step

FORMAT = Path(__file__).parents[1] / "golden" / "format-1"
TEAM = FORMAT.with_name("format-1-team")
"""Made by `golden/build.py`, which says how one adds an event."""


@pytest.fixture
def temp(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FORMAT, tmp_path / ".temp"))


def lines(temp: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in (temp / ".orchestrator" / "journal").rglob("*.jsonl")}


def test_a_folder_of_format_1_opens_with_everything_it_recorded(temp: Path) -> None:
    before = lines(temp)
    engine = Engine(temp)
    tasks = {task_id: engine.refresh(task_id).task for task_id in engine.ids()}
    found = {
        name: (task.status, task.ended, len(task.receipts), len(task.live_items), len(task.transcript))
        for name, task in tasks.items()
    }
    assert found == {
        "QKYBR3": ("in-progress", None, 10, 4, 10),
        "N3W4DZ": ("blocked", None, 1, 0, 4),
        "8TBHV8": ("stopped", None, 3, 1, 1),
        "4GG5YY": ("archived", "cancelled", 3, 2, 3),
    }
    assert tasks["QKYBR3"].undone
    assert (tasks["8TBHV8"].limits.cost, tasks["8TBHV8"].directory) == (2.5, "src")
    assert tasks["8TBHV8"].references[0].moved
    assert "The account is acme." in (temp / "progress-N3W4DZ.md").read_text()
    assert all(path.read_bytes().startswith(data) for path, data in before.items())
    for task in tasks.values():
        assert_in_step(temp, task)
        if task.open:
            assert_in_step(temp, engine.commit(task.id, [PhaseChanged(phase="later")], actor="user"))


def test_a_folder_of_a_team_opens_with_everything_it_recorded(tmp_path: Path) -> None:
    temp = Path(shutil.copytree(TEAM, tmp_path / ".temp"))
    before = lines(temp)
    engine = Engine(temp)
    tasks = {task_id: engine.refresh(task_id).task for task_id in engine.ids()}
    lead, child, forked, by_hand = (tasks[name] for name in ("L7D2AA", "C4H8BB", "F9K3CC", "H6N5DD"))
    assert child.parent == "L7D2AA"
    assert [(row.id, row.status, row.revision) for row in lead.children] == [("C4H8BB", "pending", 1)]
    spent, held = budget.spent(lead), budget.held(lead)
    assert (spent.tokens, spent.cost) == (1700, 0.04)  # what was held for the answer that was lost is spent
    assert (held.tokens, held.cost) == (800, 0.02)
    assert forked.forked is not None
    assert forked.parent is None
    assert (forked.forked.task, forked.forked.revision) == ("C4H8BB", 1)
    assert [item.checked for item in by_hand.live_items] == [True, False]
    assert all(path.read_bytes().startswith(data) for path, data in before.items())
    for task in tasks.values():
        assert_in_step(temp, engine.commit(task.id, [PhaseChanged(phase="later")], actor="user"))


def test_the_two_hold_every_kind_of_event_there_is() -> None:
    journals = [*lines(FORMAT).values(), *lines(TEAM).values()]
    held = {event["type"] for data in journals for line in data.splitlines() for event in _events(line)}
    assert held == Event.kinds.keys(), "a new kind gets an example: see tests/golden/build.py"


def _events(line: bytes) -> list[dict[str, str]]:
    events: list[dict[str, str]] = json.loads(line)["events"]
    return events
