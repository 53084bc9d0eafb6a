"""`orchestrator demo`: two agents, really at work; killed, it goes on."""

from __future__ import annotations

import json
import re
import resource
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator import demo
from orchestrator.errors import UsageError

from .conftest import Ended, Shell, interrupt, shell_in


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    return shell_in(tmp_path_factory.mktemp("demo"))("demo")


def test_it_runs_without_a_key_and_says_first_what_is_scripted_and_what_is_real(played: Ended) -> None:
    assert played.code == 0, played.err
    first = played.out.splitlines()[0]
    assert "The model is scripted" in first
    assert "Every tool call, file and process is real." in first


def test_both_tasks_end_archived_with_what_changed(played: Ended) -> None:
    assert len(re.findall(r"\.temp/completed/task-status-\w{6}\.json", played.out)) == 2
    assert "    + appointment.js" in played.out
    assert "    ~ doctor.js" in played.out
    assert re.search(r"✓ \d+ turns, [\d,]+ tokens .*, \d+\.\d s", played.out)


def test_without_keep_nothing_is_left(played: Ended) -> None:
    assert (found := re.search(r"^workspace (.+)$", played.out, re.MULTILINE))
    assert not Path(found[1]).exists()
    assert "orchestrator demo --keep DIR" in played.out


def test_a_team_designs_builds_tests_and_reviews_and_its_documents_agree(shell: Shell) -> None:
    ended = shell("demo", "--team", "--keep", "clinic", "--json")
    assert ended.code == 0, ended.err
    tasks = {task["agent"]: task for task in json.loads(ended.out)["tasks"]}
    assert {task["status"] for task in tasks.values()} == {"archived"}
    clinic = Shell(shell.project / "clinic", shell.home)
    parents = {}
    for name, task in tasks.items():
        status = json.loads((clinic.temp / "completed" / f"task-status-{task['task']}.json").read_text())
        parents[name] = next((one for one, other in tasks.items() if other["task"] == status.get("parentTask")), None)
    assert parents == {
        "lead": None,
        demo.ARCHITECT: "lead",
        "backend": "lead",
        demo.DB_WORKER: "backend",
        "quality": "lead",
        "test-writer": "quality",
        "reviewer": "quality",
    }
    assert clinic("check").code == 0
    assert "status: 'scheduled'" in (clinic.project / "src/services/booking.js").read_text()
    assert "✓ Delegate reviewer: " in ended.err
    shown = clinic("demo", "--team", "--keep", ".").out
    assert f"`orchestrator show {tasks['lead']['task']}`" in " ".join(shown.split())
    assert all(f"    {file}" in shown for file in ("+ booking.js", "+ booking.test.js", "~ doctor.js"))
    other = clinic("demo", "--keep", ".")
    assert (other.code, other.err.count("\n")) == (2, 1)
    assert "holds the demo of a team: go on with --team" in other.err


@dataclass
class Story:
    shell: Shell
    first: Ended
    second: Ended
    third: Ended


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """A demo that is interrupted when the second agent is at work, and resumed; then played again."""
    shell = shell_in(tmp_path_factory.mktemp("story"))
    process = shell.start("demo", "--keep", "kept")
    assert process.stdout
    for row in process.stdout:
        if re.search(r" 2  ✓ Sync   phase preparation", row):
            break
    first = interrupt(process)
    return Story(shell, first, shell("demo", "--keep", "kept", "--json"), shell("demo", "--keep", "kept", "--json"))


def test_an_interrupted_demo_says_how_to_resume(story: Story) -> None:
    assert story.first.code == 130
    assert story.first.err == (
        "orchestrator: interrupted, nothing is lost; resume with: orchestrator demo --keep kept\n"
    )


def test_a_resumed_demo_ends_with_the_same_two_tasks(story: Story) -> None:
    said = json.loads(story.second.out)
    assert set(said) == {"directory", "kept", "scripted", "seconds", "tasks"}
    assert said["kept"]
    assert said["scripted"]
    assert [task["status"] for task in said["tasks"]] == ["archived", "archived"]
    assert [task["agent"] for task in said["tasks"]] == list(demo.TASKS)
    assert len(list((story.shell.project / "kept" / ".temp" / "completed").glob("plan-*.md"))) == 2
    assert "resumed" in story.second.err


def test_a_finished_demo_is_only_shown_again(story: Story) -> None:
    tasks, before = json.loads(story.third.out)["tasks"], json.loads(story.second.out)["tasks"]
    assert [(row["task"], row["turns"]) for row in tasks] == [(row["task"], row["turns"]) for row in before]


def test_a_finished_demo_says_that_it_was_finished_and_not_that_it_ran(story: Story) -> None:
    again = story.shell("demo", "--keep", "kept").out
    assert again.startswith("This demo is finished already: nothing is run again.\n")
    assert re.search(r"✓ finished earlier: \d+ turns, [\d,]+ tokens \([^)]+\), \$0\.00$", again, re.MULTILINE)
    assert "The model is scripted" not in again


def test_a_demo_that_somebody_took_further_is_not_played_on_by_the_script(story: Story) -> None:
    kept = story.shell.project / "kept"
    shell = Shell(shutil.copytree(kept, story.shell.project / "further"), story.shell.home)
    assert shell("reopen", json.loads(story.third.out)["tasks"][1]["task"]).code == 0
    ended = shell("demo", "--keep", ".")
    assert ended.code == 1
    assert ended.err == (
        f"orchestrator: the scripted model knows no answer to what happened in {shell.project.resolve()}: "
        "go on with a real one (`--live`), or begin another demo elsewhere\n"
    )


def test_resume_without_a_key_in_a_demo_s_directory_names_the_demo(tmp_path: Path) -> None:
    shell = shell_in(tmp_path)
    shell.task(demo.TASKS[demo.ARCHITECT], agent=demo.ARCHITECT)
    ended = shell("resume")
    assert ended.code == 1
    assert ended.err == "orchestrator: no API key, but this is the demo: go on with: orchestrator demo --keep .\n"


def test_a_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="neither empty nor an earlier demo"):
        demo.prepare(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_copy_of_the_project_that_a_death_cut_short_is_made_whole(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    demo.prepare(whole)
    files = sorted(path.relative_to(whole) for path in whole.rglob("*") if path.is_file())
    demo.prepare(cut)
    (cut / ".temp").mkdir()
    for path in files[3:]:
        (cut / path).unlink()
    (cut / files[2]).write_bytes((whole / files[2]).read_bytes()[:10])
    demo.prepare(cut)
    assert [path for path in files if (cut / path).read_bytes() != (whole / path).read_bytes()] == []


def test_a_file_of_somebody_else_that_has_a_name_of_ours_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(UsageError, match="neither empty nor an earlier demo"):
        demo.prepare(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


def test_live_needs_a_key(shell: Shell) -> None:
    ended = shell("demo", "--live", "--keep", "kept")
    assert (ended.code, ended.err.count("\n")) == (1, 1)
    assert "ANTHROPIC_API_KEY" in ended.err
    assert not (shell.project / "kept").exists()


def test_where_there_is_no_room_for_it_nothing_is_begun_and_nothing_left(shell: Shell) -> None:
    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))

    ended = shell("demo", "--keep", "clinic", preexec_fn=no_room)
    assert (ended.code, ended.out) == (1, "")
    assert re.fullmatch(r"orchestrator: .*File too large.*: the demo was not begun: .*\n", ended.err)
    assert not (shell.project / "clinic").exists()
    (shell.project / "clinic").mkdir()
    assert shell("demo", "--keep", "clinic", preexec_fn=no_room).code == 1
    assert list((shell.project / "clinic").iterdir()) == []


def test_without_ripgrep_the_team_is_not_begun(shell: Shell) -> None:
    shell.environment["PATH"] = str(shell.home)
    ended = shell("demo", "--team", "--keep", "clinic")
    assert (ended.code, "needs ripgrep" in ended.err) == (2, True)
    assert not (shell.project / "clinic").exists()
