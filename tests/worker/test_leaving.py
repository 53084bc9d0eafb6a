"""What a worktree leaves behind whose work has landed: nothing, also where somebody died leaving it; or what is
nowhere else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from orchestrator.prune import Prune
from orchestrator.task import Task
from orchestrator.worktrees import Worktree, folder
from tests.worker.conftest import Stage, git

from .test_isolation import BEGIN, DONE, branches, worktrees

BUILD = "- calls:\n    - Bash: {command: 'mkdir __pycache__; echo built >__pycache__/x'}\n"


@pytest.fixture
def landed(repository: Stage) -> Stage:
    """A task whose work has landed, and whose worktree stays for what git ignores there."""
    repository.start(isolate=True)
    repository.play(BEGIN, BUILD, DONE)
    assert worktrees(repository) == [repository.id]
    return repository


@pytest.fixture
def place(landed: Stage) -> Path:
    return folder(landed.temp) / landed.id


def prune(stage: Stage) -> int:
    with stage.engine() as engine:
        (go := Prune(engine)).run()
    return go.freed["worktrees"].count


def known(stage: Stage) -> list[str]:
    """The worktrees that git knows of, beside the project itself."""
    return git(stage.workspace, "worktree", "list", "--porcelain").split("\n\n")[1:]


def test_who_dies_once_the_folder_is_gone_is_no_matter_to_who_waits_for_the_task(landed: Stage, place: Path) -> None:
    shutil.rmtree(place)
    landed.work()
    assert isinstance(landed.ends[landed.id], Task)
    assert (known(landed), branches(landed)) == ([], ["main"])


def test_prune_finds_the_branch_where_there_is_no_folder(landed: Stage, place: Path) -> None:
    shutil.rmtree(place)
    assert prune(landed) == 1
    assert (known(landed), branches(landed)) == ([], ["main"])
    assert prune(landed) == 0


def test_who_dies_while_git_forgets_it_is_no_matter_either(landed: Stage, place: Path) -> None:
    shutil.rmtree(place)
    (landed.workspace / ".git" / "worktrees" / landed.id / "HEAD").unlink()
    prune(landed)
    assert (known(landed), branches(landed)) == ([], ["main"])


def test_who_dies_while_the_folder_goes_leaves_a_part_which_goes_too(landed: Stage, place: Path) -> None:
    (place / "a.txt").unlink()
    prune(landed)
    assert (worktrees(landed), known(landed), branches(landed)) == ([], [], ["main"])


def test_a_part_that_is_no_worktree_any_more_stays_and_the_task_is_done_all_the_same(
    landed: Stage, place: Path
) -> None:
    (place / ".git").unlink()
    (landed.workspace / "a.txt").unlink()
    landed.work()
    assert isinstance(landed.ends[landed.id], Task)
    assert prune(landed) == 0
    assert (place / "a.txt").exists()
    assert not (landed.workspace / "a.txt").exists()


def test_what_was_committed_there_since_stays_though_the_folder_is_gone(landed: Stage, place: Path) -> None:
    git(place, "checkout", "--quiet", "--detach")
    git(place, "commit", "--quiet", "--allow-empty", "-m", "Since")
    shutil.rmtree(place)
    assert prune(landed) == 0
    assert "detached" in known(landed)[0]
    assert f"orchestrator/{landed.id}" in branches(landed)


def test_a_branch_that_goes_on_stays(landed: Stage, place: Path) -> None:
    git(place, "commit", "--quiet", "--allow-empty", "-m", "Since")
    shutil.rmtree(place)
    prune(landed)
    assert f"orchestrator/{landed.id}" in branches(landed)


def test_what_git_will_not_take_away_is_no_matter_to_who_waits_for_the_task(landed: Stage, place: Path) -> None:
    shutil.rmtree(place)
    git(landed.workspace, "worktree", "prune")
    git(landed.workspace, "checkout", "--quiet", f"orchestrator/{landed.id}")
    landed.work()
    assert isinstance(landed.ends[landed.id], Task)
    assert f"orchestrator/{landed.id}" in branches(landed)


def test_worktrees_of_a_person_are_left_alone_wherever_they_are(landed: Stage, place: Path, tmp_path: Path) -> None:
    """As on a disk that is not mounted just now."""
    git(landed.workspace, "worktree", "add", "--quiet", "--detach", str(tmp_path / "theirs"))
    git(tmp_path / "theirs", "commit", "--quiet", "--allow-empty", "-m", "Theirs")
    (tmp_path / "theirs").rename(tmp_path / "elsewhere")
    shutil.rmtree(place)
    prune(landed)
    Worktree(landed.temp, "K7Q2MX", landed.workspace, "clerk").make("HEAD")
    (tmp_path / "elsewhere").rename(tmp_path / "theirs")
    assert git(tmp_path / "theirs", "log", "-1", "--format=%s") == "Theirs"


def test_one_that_is_gone_or_was_only_begun_is_made_again(landed: Stage) -> None:
    """Git locks one while it makes it."""
    ours = Worktree(landed.temp, "K7Q2MX", landed.workspace, "clerk")
    ours.make("HEAD")
    shutil.rmtree(ours.workspace)
    ours.make("HEAD")
    git(landed.workspace, "worktree", "lock", str(ours.workspace))
    shutil.rmtree(ours.workspace)
    ours.workspace.mkdir()
    ours.make("HEAD")
    assert (ours.workspace / ".git").exists()
