"""Settings at work: which of flag, variable, project and user counts, and what a run costs and may cost."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from .conftest import Shell

WORK = """
- calls:
    - Sync: {add_items: [{text: The task is understood}]}
    - Bash: {command: 'true'}
- calls:
    - Sync: {check_items: [{item: c1, evidence: [R2]}]}
    - Finish: {summary: Understood.}
"""
OPUS = "claude-3-opus-20240229"
"""A model that is sold no more: its price does not change."""


def user_says(shell: Shell, text: str) -> Path:
    path = shell.home / ".config" / "orchestrator" / "settings.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def project_says(shell: Shell, text: str) -> None:
    (shell.project / "orchestrator.toml").write_text(text)


def limits(shell: Shell, task_id: str) -> dict[str, float]:
    with shell.engine() as engine:
        return engine.refresh(task_id).task.limits.model_dump()


def test_a_flag_goes_before_a_variable_before_the_project_before_the_user(shell: Shell) -> None:
    user_says(shell, "max_tokens = 900001\nmax_seconds = 9001\nmax_cost = 91\nmax_turns = 91\nmodel = 'hidden'\n")
    project_says(shell, "max_seconds = 9002\nmax_cost = 92\nmax_turns = 92\nmodel = 'hidden'\n[models]\nmine = 'big'\n")
    with (shell.home / ".config" / "orchestrator" / "settings.toml").open("a") as file:
        file.write(f"[models]\nmine = 'hidden'\nbig = '{OPUS}'\n")
    shell.environment |= {"ORCHESTRATOR_MAX_COST": "93", "ORCHESTRATOR_MAX_TURNS": "93", "ORCHESTRATOR_MODEL": "mine"}
    with shell.model("[{calls: [{Sync: {phase: on}}]}]") as server:
        ended = shell("run", "clerk", "Write", "--json", "--max-turns", "1")
    assert ended.code == 4, ended.err
    found = limits(shell, json.loads(ended.out)["task"])
    assert found == {"tokens": 900001, "seconds": 9002, "cost": 93, "turns": 1}
    assert server.requests[0]["model"] == OPUS
    ended = shell("run", "clerk", "Write", "--model", "no-such-price")
    assert ended.err.startswith("orchestrator: the price of no-such-price")


def test_a_definition_s_own_model_and_mode_go_before_what_is_set_and_what_the_user_allows_runs(shell: Shell) -> None:
    user_says(shell, "model = 'opus'\nmode = 'lightweight'\nallow = ['Bash(true)']\n[models]\nmine = 'm-user'\n")
    shell.agent("clerk", "---\nname: clerk\ndescription: Writes\nmodel: mine\nmode: full\n---\nYou write notes.\n")
    with shell.model(WORK) as server:
        ended = shell("run", "clerk", "Write")
    assert (ended.code, ended.err) == (0, "")
    assert server.requests[0]["model"] == "m-user"
    assert "plan-" in ended.out


def test_what_the_project_is_verified_by_must_be_allowed_and_must_pass(shell: Shell) -> None:
    project_says(shell, "verify = ['touch verified']")
    with shell.model(WORK):
        refused = shell("run", "clerk", "Write", "--allow", "Bash(true)")
        assert (refused.code, "orchestrator.toml declares" in refused.err) == (2, True)
        ended = shell("run", "clerk", "Write", "--allow", "Bash(true)", "--allow", "Bash(touch verified)")
    assert ended.code == 0, ended.err
    assert (shell.project / "verified").exists()


def test_settings_that_cannot_be_obeyed_end_a_run_with_2_and_leave_the_other_commands_alone(shell: Shell) -> None:
    project_says(shell, "max_turns = 'many'")
    ended = shell("run", "clerk", "Write")
    assert ended.code == 2
    expected = f"orchestrator: {shell.project}/orchestrator.toml: max_turns: 'many' is not a whole number above 0\n"
    assert ended.err == expected
    assert not shell.temp.exists()
    for command in (["status"], ["run", "--help"], ["agents"]):
        assert shell(*command).code == 0


def test_doctor_names_the_files_with_what_they_set_and_what_is_wrong(shell: Shell) -> None:
    path = user_says(shell, "model = 'opus'\nmax_cost = 5\n")
    project_says(shell, "allow = ['Bash']")
    shell.environment["ORCHESTRATOR_MODE"] = "quick"
    rows = [row for row in json.loads(shell("doctor", "--json").out)["checks"] if row["check"] == "settings"]
    assert [row["state"] for row in rows] == ["ok", "problem", "problem"]
    assert rows[0]["said"] == f"model, max_cost set in {path}"
    assert "orchestrator.toml: allow: a project cannot permit itself commands" in rows[1]["said"]
    assert rows[2]["said"] == "ORCHESTRATOR_MODE: 'quick' is not full or lightweight"


def test_a_run_that_reached_its_limit_of_cost_goes_on_as_proposed_and_all_tell_what_it_cost(shell: Shell) -> None:
    with shell.model(WORK):
        ended = shell("run", "clerk", "Write", "--model", OPUS, "--max-cost", "0.001", "--allow", "Bash(true)")
        assert ended.code == 4
        _, proposed = ended.err.strip().split("; go on with: orchestrator ")
        resumed = shell(*shlex.split(proposed))
    assert "--max-cost" in proposed
    assert resumed.code == 0, resumed.err
    (row,) = json.loads(shell("status", "--json").out)["tasks"]
    used = json.loads(shell("show", row["task"], "--json").out)["usage"]
    by_hand = (
        used["input_tokens"] * 15
        + used["output_tokens"] * 75
        + used["cache_read_input_tokens"] * 1.5
        + used["cache_creation_input_tokens"] * 18.75
    ) / 1_000_000
    assert used["cost_usd"] == row["cost_usd"] == pytest.approx(by_hand, abs=1e-6)
    assert used["unpriced_turns"] == 0
    for said in (resumed.out, shell("show", row["task"]).out, shell("status", "--all").out):
        assert f"${by_hand:.2f}" in said


def test_turns_without_a_known_price_are_said_and_not_counted_as_free(shell: Shell) -> None:
    allow = ("--allow", "Bash(true)")
    with shell.model(WORK):
        stopped = shell("run", "clerk", "Write", "--model", "a-model-of-mine", "--max-turns", "1", *allow)
        user_says(shell, f"[models]\na-model-of-mine = '{OPUS}'\n")
        ended = shell("resume", "--max-turns", "9", "--json", *allow)
    assert re.search(r"1 turn, [\d,]+ tokens.*, price unknown", stopped.out)
    (row,) = json.loads(ended.out)["tasks"]
    assert (row["turns"], row["usage"]["unpriced_turns"]) == (2, 1)
    assert row["usage"]["cost_usd"] > 0
    assert re.search(r", 2 turns, [\d,]+ tokens.*, \$[\d.]+ for 1 of them", shell("show", row["task"]).out)


def test_a_cost_cannot_be_limited_where_the_price_is_not_known(shell: Shell) -> None:
    shell.environment = {"ANTHROPIC_API_KEY": "any", "ORCHESTRATOR_MODEL": "a-model-of-mine"}
    ended = shell("run", "clerk", "Write", "--max-cost", "1")
    assert ended.code == 2
    assert ended.err.startswith("orchestrator: the price of a-model-of-mine is not known")
    assert ended.err.count("\n") == 1
    assert not shell.temp.exists()
    assert shell("resume", shell.task().id, "--max-cost", "1").code == 2
    assert shell("run", "clerk", "Write", "--max-cost", "nan").code == 2


def test_run_warns_of_changes_that_are_not_committed(shell: Shell) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", "-C", str(shell.project), *words], check=True, capture_output=True)

    def warned() -> str:
        """What is said before the run is refused."""
        ended = shell("run", "clerk", "Write", "--max-cost", "1", "--model", "a-model-of-mine")
        return ended.err.partition("orchestrator: the price")[0]

    shell.environment |= {"ANTHROPIC_API_KEY": "any"}
    assert warned() == ""
    git("init")
    (shell.project / "a note").write_text("a")
    shell.temp.mkdir()
    (shell.temp / "plan-AAAA22.md").write_text("by hand")
    assert warned().startswith("orchestrator: 2 changes are not committed here")
    git("add", ".claude", "a note")
    git("-c", "user.name=A", "-c", "user.email=a@example", "commit", "-m", "All")
    assert warned() == ""
    git("config", "core.fsmonitor", f"touch {shell.home}/owned; false")
    (shell.project / "a note").write_text("b")
    assert warned().startswith("orchestrator: 1 change is not committed here")
    assert not (shell.home / "owned").exists()
