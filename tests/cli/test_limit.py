"""`orchestrator limit`: what a task may use up."""

from __future__ import annotations

import json
import re
import shlex

from orchestrator.events import Limits

from .conftest import Shell
from .test_settings import WORK


def test_a_limit_is_set_and_told(shell: Shell) -> None:
    task = shell.task()
    ended = shell("limit", task.id, "--max-tokens", "50000", "--max-cost", "2.5")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines()[0] == f"{task.id} may use: tokens 50,000, cost $2.50, turns 200 of its own"
    said = json.loads(shell("limit", task.id, "--json").out)
    assert said == {
        "task": task.id,
        "limits": {"turns": None, "tokens": 50_000, "seconds": None, "cost": 2.5},
        **(nothing := {"turns": 0, "tokens": 0, "seconds": 0.0, "cost_usd": 0.0}),
        "held": nothing,
    }
    with shell.engine() as engine:
        assert engine.refresh(task.id).task.limits == Limits(tokens=50_000, cost=2.5)


def test_numbers_are_told_as_they_are(shell: Shell) -> None:
    task = shell.task()
    words = ["--max-turns", "1234567", "--max-tokens", "5000000", "--max-seconds", "0.5", "--max-cost", "0.0125"]
    told = "turns 1,234,567, tokens 5,000,000, seconds 0.5, cost $0.0125"
    assert shell("limit", task.id, *words).out.splitlines() == [
        f"{task.id} may use: {told}",
        "  so far: turns 0, tokens 0, cost $0.00, seconds 0",
    ]
    assert f"limits changed: {told}" in shell("log", task.id).out


def test_a_closed_task_uses_up_nothing(shell: Shell) -> None:
    task = shell.task()
    shell("cancel", task.id)
    ended = shell("limit", task.id, "--max-turns", "3")
    assert (ended.code, ended.err.count("\n")) == (1, 1)
    assert f"task {task.id} is cancelled: it uses up nothing any more" in ended.err
    assert shell("limit", "AAAAA2").code == 2
    assert shell("limit", task.id, "--max-cost", "0").code == 2


def test_what_is_not_enough_for_a_turn_stops_the_run_and_the_way_on_is_said(shell: Shell) -> None:
    task = shell.task()
    shell("limit", task.id, "--max-tokens", "5000")
    with shell.model(WORK):
        ended = shell("resume", task.id, "--yes")
        assert ended.code == 4
        found = re.search(r"a turn may take ([\d,]+) tokens, and 5,000 of 5,000 are left; go on with: (.+)$", ended.err)
        assert found
        _, *words = shlex.split(found[2])
        assert words[:3] == ["resume", task.id, "--max-tokens"]
        assert shell(*words).code == 0
