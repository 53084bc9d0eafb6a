"""`orchestrator adopt`: a `.temp` that agents kept by hand is the engine's from now on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from .conftest import Shell

VARIANTS = Path(__file__).resolve().parent.parent / "hand-made"
LEFT = "left as it is, of no task: completed/notes.txt, plan.md"


@pytest.fixture
def shell(shell: Shell) -> Shell:
    shutil.copytree(VARIANTS, shell.temp)
    shell.environment["COLUMNS"] = "80"
    return shell


def everything(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_it_tells_what_became_of_each_task_in_a_table_that_fits(shell: Shell) -> None:
    (shell.temp / "plan-R7W2TC.md").symlink_to("plan.md")
    ended = shell("adopt")
    assert (ended.code, ended.err) == (1, "")
    assert [row for row in ended.out.splitlines() if len(row) > 80 and " " in row.strip()] == []  # but for long paths
    assert ended.out.splitlines()[:2] == [
        "TASK    STATE        ITEMS  WORK  AGENT",
        "H4N8DM  in-progress  3/7    1/6   api-architect",
    ]
    said = " ".join(ended.out.split())
    assert "task-status-H4N8DM.json was salvaged, its text is kept beside it: something follows the end of the" in said
    assert "the end of the JSON, line 21 " in said
    assert "status of audit cannot be 'somewhat'" in ended.out
    assert "plan-R7W2TC.md: a symbolic link: put a text in its place, or rename it" in ended.out
    assert "\n3 adopted, 1 left in" in ended.out
    assert ended.out.endswith(f"\n{LEFT}\n")


def test_a_document_that_is_kept_beside_its_place_is_said_and_no_failure(shell: Shell) -> None:
    ended = shell("adopt")
    assert ended.code == 0
    assert "task-status-H4N8DM.json was salvaged, its text is kept beside it" in ended.out
    assert (shell.temp / "set-aside-task-status-H4N8DM.json").exists()
    assert shell("adopt").code == 0
    assert "that is said, and is no failure" in " ".join(shell("adopt", "--help").out.split())


def test_a_dry_run_says_the_same_and_writes_nothing(shell: Shell) -> None:
    before = everything(shell.temp)
    dry = shell("adopt", "--dry-run")
    assert everything(shell.temp) == before
    assert not (shell.temp / ".orchestrator").exists()
    assert "\n4 would be adopted in" in dry.out
    wet = shell("adopt")
    assert dry.out.replace("would be adopted", "adopted").split() == wet.out.split()
    assert (dry.code, wet.code) == (0, 0)


def test_a_dry_run_says_where_secrets_are_masked_and_words_are_none(shell: Shell) -> None:
    shell.environment |= {"API_KEY": "k3y-of-the-routes", "DB_PASSWORD": "checklist"}
    path = shell.temp / "plan-H4N8DM.md"
    path.write_text("The key is k3y-of-the-routes.\n")
    dry, wet = shell("adopt", "--dry-run", "--json"), shell("adopt", "--json")
    notes = [json.loads(ended.out)["tasks"][0]["notes"] for ended in (dry, wet)]
    assert notes[0] == notes[1]
    assert "plan-H4N8DM.md: secrets in it are masked, its text is kept in .orchestrator/contents" in notes[0]
    assert path.read_text().startswith("The key is [masked API_KEY].\n")
    assert "masked" not in (shell.temp / "checklist-H4N8DM.md").read_text()


def test_done_again_it_changes_nothing_and_says_so(shell: Shell) -> None:
    shell("adopt")
    before = everything(shell.temp)
    again = shell("adopt")
    assert again.code == 0
    assert again.out.split() == f"4 kept already in {shell.project} {LEFT}".split()
    assert everything(shell.temp) == before


def test_of_processes_that_adopt_at_once_each_task_is_reported_by_the_one_that_did(shell: Shell) -> None:
    for number in range(30):
        (shell.temp / f"plan-M{number:02}N7T.md").write_text("Plan\n")
    running = [shell.start("adopt", "--json") for _ in range(4)]
    told = [json.loads(process.communicate()[0]) for process in running]
    assert sorted(row["task"] for one in told for row in one["tasks"]) == sorted(
        ["H4N8DM", "N6B5XA", "P3V9KE", "R7W2TC", *(f"M{number:02}N7T" for number in range(30))]
    )
    assert {one["adopted"] + one["kept"] for one in told} == {34}
    assert {one["left"] for one in told} == {0}


def test_json_tells_each_task_with_what_was_made_and_what_was_left(shell: Shell) -> None:
    told = json.loads(shell("adopt", str(shell.temp), "--json").out)
    assert (told["adopted"], told["left"], told["kept"], told["dry_run"]) == (4, 0, 0, False)
    assert told["others"] == ["completed/notes.txt", "plan.md"]
    first = told["tasks"][0]
    assert (first["task"], first["state"], first["items"]) == ("H4N8DM", "in-progress", {"done": 3, "total": 7})
    assert first["new"] == ["architecture-notes-H4N8DM.md"]
    assert first["companions"] == [
        "AGENT2_REPORT_H4N8DM.md",
        "integration-map-H4N8DM.json",
        "task-status-H4N8DM.json.bak",
    ]
    assert first["problem"] is None


def test_an_adopted_task_is_like_any_other(shell: Shell) -> None:
    assert "`orchestrator adopt` takes it over" in shell("cancel", "H4N8DM").err
    shell("adopt")
    assert "api-architect" in shell("show", "H4N8DM").out
    assert "adopted: completed, kept by hand until then" in shell("log", "R7W2TC").out
    assert shell("archive", "R7W2TC").code == 0
    assert (shell.temp / "completed" / "checklist-R7W2TC.md").exists()
    assert "problem" not in shell("doctor", "--json").out.split('"journals"')[1]


def test_the_agents_without_which_no_task_can_go_on_are_named_there_and_when_it_is_tried(shell: Shell) -> None:
    named = "not defined here: api-architect, unknown: before their tasks can go on, write .claude/agents/NAME.md"
    assert named in " ".join(shell("adopt", "--dry-run").out.split())
    assert json.loads(shell("adopt", "--json").out)["undefined"] == ["api-architect", "unknown"]
    shell.environment["ANTHROPIC_API_KEY"] = "any"
    refused = shell("resume", "H4N8DM")
    assert (refused.code, ".claude/agents/api-architect.md" in refused.err) == (2, True)


def test_who_is_defined_is_not_named(shell: Shell) -> None:
    for name in ("api-architect", "unknown"):
        shell.agent(name, f"---\nname: {name}\ndescription: d\n---\nWork.\n")
    assert "not defined" not in shell("adopt").out


def test_the_folder_may_have_another_name(shell: Shell) -> None:
    shell.temp.rename(shell.project / "by-hand")
    assert shell("adopt", "by-hand").out.count("made: ") == 4
    assert not shell.temp.exists()
    (shell.project / "by-hand").rename(shell.temp)
    assert shell("show", "H4N8DM").code == 0


def test_a_folder_without_a_temp_is_said_to_be_so(shell: Shell) -> None:
    ended = shell("adopt", str(shell.home))
    assert ended.code == 2
    assert ended.err.startswith("orchestrator: there is no .temp in ")
