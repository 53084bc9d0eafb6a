"""Tasks that work apart from others: in git worktrees, whose work lands verified, and of which nothing is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.errors import LimitReached, TaskIsBlocked, UsageError
from orchestrator.events import Limits, WorktreeMade
from orchestrator.prune import Prune
from orchestrator.worker import Moment
from orchestrator.worktrees import Worktree, check, folder, workspace
from tests.worker.conftest import Stage, git, script

BEGIN = """
- calls:
    - Sync: {add_items: [{text: It is done}]}
    - Read as proof: {file_path: a.txt}
"""
WRITE_A = """
- calls:
    - Write as proof: {file_path: a.txt, content: "from the clerk\\n"}
"""
DONE = """
- calls:
    - Sync: {check_items: [{item: c1, evidence: ["{{receipt proof}}"]}]}
    - Finish: {summary: It is done.}
"""
AGAIN = """
- calls:
    - Sync: {phase: trying again}
    - Finish: {summary: It is done.}
"""


def worktrees(stage: Stage) -> list[str]:
    place = folder(stage.temp)
    return sorted(path.name for path in place.iterdir()) if place.exists() else []


def branches(stage: Stage) -> list[str]:
    return git(stage.workspace, "branch", "--format=%(refname:short)").splitlines()


def test_the_work_lands_when_it_is_verified_and_its_worktree_is_gone(repository: Stage) -> None:
    stage = repository
    stage.start(isolate=True, verify=("grep -q clerk a.txt", "test -e only-here && exit 1 || exit 0"))
    look = "- calls:\n    - Bash: {command: 'pwd; cat a.txt; touch only-here; rm only-here'}\n"
    task = stage.play(BEGIN, WRITE_A.replace("a.txt", "/workspace/a.txt"), look, DONE)
    assert task == stage.task
    assert task.apart is not None
    assert (stage.workspace / "a.txt").read_text() == "from the clerk\n"
    assert git(stage.workspace, "log", "-1", "--format=%an %s") == f"clerk clerk: work of task {stage.id}"
    assert git(stage.workspace, "rev-parse", "HEAD") == task.apart.landed
    assert git(stage.workspace, "status", "--porcelain") == ""
    assert worktrees(stage) == []
    assert branches(stage) == ["main"]
    assert f"worktrees/{stage.id}" in stage.told[3]


def test_until_it_lands_nobody_sees_it(repository: Stage) -> None:
    stage = repository
    stage.start(isolate=True)
    seen: list[str] = []
    stage.watch = lambda moment: (
        seen.append((stage.workspace / "a.txt").read_text()) if moment.kind == "asking" else None
    )
    stage.play(BEGIN, WRITE_A, DONE)
    assert seen == ["as it was\n"] * 3
    assert (stage.workspace / "a.txt").read_text() == "from the clerk\n"


def test_documents_are_those_that_all_share(repository: Stage) -> None:
    stage = repository
    stage.start(isolate=True)
    plan = f".temp/plan-{stage.id}.md"
    look = f"- calls:\n    - Read: {{file_path: {plan}}}\n    - Read: {{file_path: {stage.workspace}/{plan}}}\n"
    report = f"- calls:\n    - Write: {{file_path: .temp/report-{stage.id}.md, content: found}}\n"
    stage.play(BEGIN, look, report, DONE)
    assert stage.told[2].count("# Plan –") == 2
    assert (stage.temp / "completed" / f"report-{stage.id}.md").read_text() == "found"


def test_the_engines_own_files_and_other_worktrees_are_out_of_reach(repository: Stage) -> None:
    stage = repository
    stage.start(isolate=True)
    (folder(stage.temp) / "OTHER2").mkdir(parents=True)
    look = (
        "- calls:\n    - Read: {file_path: '../OTHER2/a.txt'}\n    - Read: {file_path: .temp/.orchestrator/journal/x}\n"
    )
    outside = f"- calls:\n    - Write: {{file_path: '{stage.workspace}/a.txt', content: x}}\n"
    stage.play(BEGIN, look, outside, DONE)
    assert stage.told[2].count("belongs to the engine") == 2
    assert "is outside the workspace" in stage.told[3]


def test_what_landed_meanwhile_is_verified_with_it(repository: Stage) -> None:
    stage = repository
    stage.start(isolate=True, verify=("test -e theirs.txt",))

    def meanwhile(moment: Moment) -> None:
        if moment.kind == "call" and not (stage.workspace / "theirs.txt").exists():
            (stage.workspace / "theirs.txt").write_text("theirs\n")
            git(stage.workspace, "add", "theirs.txt")
            git(stage.workspace, "commit", "--quiet", "-m", "Theirs")

    stage.watch = meanwhile
    stage.play(BEGIN, "- calls:\n    - Write: {file_path: b.txt, content: b}\n", DONE)
    assert (stage.workspace / "b.txt").exists()
    assert git(stage.workspace, "log", "--format=%s", "--no-merges").count("\n") == 2


def test_what_does_not_pass_does_not_land(repository: Stage) -> None:
    stage = repository
    stage.start(isolate=True, verify=("grep -q right b.txt",))
    wrong = "- calls:\n    - Write: {file_path: b.txt, content: wrong}\n"
    right = "- calls:\n    - Write: {file_path: b.txt, content: right}\n"
    told: list[bool] = []
    stage.watch = lambda moment: told.append((stage.workspace / "b.txt").exists()) if moment.kind == "asking" else None
    stage.play(BEGIN, wrong, DONE, right, AGAIN)
    assert "verification `grep -q right b.txt` failed" in stage.told[3]
    assert told == [False] * 5
    assert (stage.workspace / "b.txt").read_text() == "right"


INSTRUCT_ONCE = f"""echo ran >>"$LOG"; test -e "$LOG.told" || {sys.executable} - <<'END'
import os
from pathlib import Path
from orchestrator.engine import Engine
Path(os.environ["LOG"] + ".told").touch()
engine = Engine(Path(os.environ["DOCUMENTS"]))
(task_id,) = engine.ids()
engine.instruct(task_id, "Sign it.")
END
"""


def test_what_there_is_more_to_do_while_it_is_verified_is_done_before_it_lands(
    repository: Stage, tmp_path: Path
) -> None:
    stage = repository
    stage.environment |= {"LOG": str(tmp_path / "log"), "DOCUMENTS": str(stage.temp)}
    stage.start(isolate=True, verify=(INSTRUCT_ONCE,))
    seen: list[str] = []
    stage.watch = lambda moment: (
        seen.append((stage.workspace / "a.txt").read_text()) if moment.kind == "asking" else None
    )
    sign = "- calls:\n    - Write as signed: {file_path: b.txt, content: signed}\n"
    task = stage.play(BEGIN, WRITE_A, DONE, sign, DONE.replace("c1", "c2").replace("receipt proof", "receipt signed"))
    assert task == stage.task
    assert task.apart is not None
    assert git(stage.workspace, "rev-parse", "HEAD") == task.apart.landed
    assert seen == ["as it was\n"] * 5
    assert (tmp_path / "log").read_text() == "ran\n" * 2


def test_a_conflict_blocks_the_task_and_lands_once_it_is_resolved_in_the_files(repository: Stage) -> None:
    stage = repository
    stage.start(isolate=True)

    def meanwhile(moment: Moment) -> None:
        if moment.kind == "call" and "theirs" not in (stage.workspace / "a.txt").read_text():
            (stage.workspace / "a.txt").write_text("theirs\n")
            git(stage.workspace, "commit", "--quiet", "-a", "-m", "Theirs")

    stage.watch = meanwhile
    resolve = """
- calls:
    - Read: {file_path: a.txt}
    - Write: {file_path: a.txt, content: "both\\n"}
"""
    with stage.model(clerk=script(BEGIN, WRITE_A, DONE, AGAIN, resolve, AGAIN)):
        stage.work()
        assert isinstance(stage.ends[stage.id], TaskIsBlocked)
        assert "contradicts it in a.txt" in str(stage.ends[stage.id])
        assert "<<<<<<<" in stage.told[3]
        assert (stage.workspace / "a.txt").read_text() == "theirs\n"
        stage.work()  # the marks are still there
        assert isinstance(stage.ends[stage.id], TaskIsBlocked)
        stage.work()
    assert (stage.workspace / "a.txt").read_text() == "both\n"
    assert worktrees(stage) == []


def test_changes_of_a_person_that_are_in_the_way_are_left_alone(repository: Stage) -> None:
    stage = repository
    stage.start(isolate=True)
    stage.watch = lambda moment: (stage.workspace / "a.txt").write_text("mine\n") if moment.kind == "asking" else None
    with stage.model(clerk=script(BEGIN, WRITE_A, DONE, AGAIN)):
        stage.work()
        assert "would be overwritten by merge" in str(stage.ends[stage.id])
        assert (stage.workspace / "a.txt").read_text() == "mine\n"
        stage.watch = lambda moment: None
        git(stage.workspace, "checkout", "--quiet", "a.txt")
        stage.work()
    assert (stage.workspace / "a.txt").read_text() == "from the clerk\n"


@pytest.mark.parametrize("line", [0, 1])
@pytest.mark.parametrize(("moment", "nth"), [("started", 1), ("call", 2), ("call", 4), ("recording", 4)])
def test_a_killed_worker_goes_on_in_its_worktree(repository: Stage, moment: str, nth: int, line: int) -> None:
    stage = repository
    stage.start(isolate=True, verify=("grep -q clerk a.txt",))
    with stage.model(clerk=script(BEGIN, WRITE_A, DONE)):
        stage.die(moment, line, nth)
        stage.work()
    assert (stage.workspace / "a.txt").read_text() == "from the clerk\n"
    assert git(stage.workspace, "log", "--format=%s").splitlines() == [f"clerk: work of task {stage.id}", "Begin"]
    assert worktrees(stage) == []


def test_a_checkout_that_a_process_died_in_is_done_once_more(repository: Stage) -> None:
    stage = repository
    stage.start(isolate=True)
    worktree = Worktree(stage.temp, stage.id, stage.workspace, "clerk")
    with stage.engine() as engine:
        engine.commit(stage.id, [WorktreeMade(name=stage.id, base=worktree.base())], actor="engine")
    git(stage.workspace, "worktree", "add", "--no-checkout", "-b", worktree.branch, str(worktree.workspace))
    stage.play(BEGIN, WRITE_A, DONE)
    assert git(stage.workspace, "show", "--format=", "--name-status", "HEAD") == "M\ta.txt"


def test_a_worktree_that_holds_what_is_nowhere_else_stays(repository: Stage) -> None:
    stage = repository
    stage.start(isolate=True)
    make = "- calls:\n    - Bash: {command: 'mkdir __pycache__; echo built >__pycache__/x; echo b >b.txt'}\n"
    stage.play(BEGIN, make, DONE)
    assert (stage.workspace / "b.txt").exists()
    assert (folder(stage.temp) / stage.id / "__pycache__" / "x").read_text() == "built\n"


def test_a_worktree_whose_folder_was_deleted_comes_back_with_what_was_committed(repository: Stage) -> None:
    stage = repository
    stage.start(isolate=True, limits=Limits(turns=2))
    read = "- calls:\n    - Bash: {command: 'echo b >b.txt; git add b.txt; git commit -qm b'}\n"
    for name in ("AUTHOR", "COMMITTER"):
        stage.environment |= {f"GIT_{name}_NAME": "clerk", f"GIT_{name}_EMAIL": "clerk@example.invalid"}
    with stage.model(clerk=script(BEGIN, read, DONE)):
        stage.work()
        assert isinstance(stage.ends[stage.id], LimitReached)
        subprocess.run(["rm", "-rf", str(folder(stage.temp) / stage.id)], check=True)
        with stage.team() as team:
            team.allow(stage.id, Limits(turns=9))
        stage.work()
    assert (stage.workspace / "b.txt").read_text() == "b\n"


def test_children_land_in_their_parents_branch_before_it_lands_each_once_it_is_verified(
    repository: Stage, tmp_path: Path
) -> None:
    stage = repository
    stage.agent("maker")
    stage.start(isolate=True, verify=(f"test -e first.txt && ls made.txt first.txt >> {tmp_path}/seen 2>&1 || true",))
    give = """
- calls:
    - Delegate: {agent: maker, task: Write first.txt, workstream: first}
    - Delegate: {agent: maker, task: Write made.txt, workstream: made, after: [first]}
"""
    write = """
- calls:
    - Bash: {command: 'ls first.txt && touch made.txt || touch first.txt'}
"""
    found: list[bool] = []

    def watch(moment: Moment) -> None:
        if moment.kind == "done" and moment.task.parent:
            with stage.engine() as engine:
                tasks = [engine.refresh(name).task for name in (moment.task.id, stage.id)]
            place, owner = workspace(stage.workspace, stage.temp, tasks)
            found.append(owner == tasks[1] and (place / "first.txt").exists())

    stage.watch = watch
    with stage.model(clerk=script(BEGIN, give, DONE), maker=script(BEGIN, write, DONE)):
        stage.work()
    task = stage.task
    assert task.ended == "completed", stage.ends
    assert found == [True, True]
    seen = (tmp_path / "seen").read_text()
    assert seen.count("first.txt\n") == 3
    assert seen.count("No such file") == 1
    assert workspace(stage.workspace, stage.temp, [task]) == (stage.workspace, None)
    for child in task.children:
        with stage.engine() as engine:
            apart = engine.refresh(child.id).task.apart
        assert apart is not None
        assert apart.landed is not None
    assert (stage.workspace / "made.txt").exists()
    assert worktrees(stage) == []
    assert branches(stage) == ["main"]


def test_a_helper_is_verified_by_what_its_lead_is_without_anybody_being_asked(repository: Stage) -> None:
    stage = repository
    stage.agent("maker")
    stage.permitted = False
    stage.start(isolate=True, verify=("test -e a.txt",))
    give = "- calls:\n    - Delegate: {agent: maker, task: Write a.txt, workstream: made}\n"
    with stage.model(clerk=script(BEGIN, give, DONE), maker=script(BEGIN, WRITE_A, DONE)):
        stage.work()
    assert stage.task.ended == "completed", stage.ends
    assert (stage.workspace / "a.txt").read_text() == "from the clerk\n"


def test_it_begins_from_a_commit_that_has_everything(repository: Stage) -> None:
    stage = repository
    check(stage.temp)
    (stage.workspace / "b.txt").write_text("not committed")
    with pytest.raises(UsageError, match="which has not a change here: commit or stash"):
        check(stage.temp)


def test_it_needs_a_repository_with_a_commit(stage: Stage) -> None:
    with pytest.raises(UsageError, match="needs a git repository with a commit"):
        check(stage.temp)
    git(stage.workspace, "init", "--quiet")
    with pytest.raises(UsageError, match="needs a git repository with a commit"):
        check(stage.temp)


def test_a_workspace_may_be_a_part_of_its_repository(repository: Stage, tmp_path: Path) -> None:
    inner = repository.workspace / "inner"
    inner.mkdir()
    (inner / "c.txt").write_text("c")
    git(repository.workspace, "add", ".")
    git(repository.workspace, "commit", "--quiet", "-m", "Inner")
    worktree = Worktree(inner / ".temp", "K7Q2MX", inner, "clerk")
    worktree.make(worktree.base())
    assert (worktree.workspace / "c.txt").read_text() == "c"
    (worktree.workspace / "c.txt").write_text("changed")
    (worktree.workspace / ".temp").mkdir()
    (worktree.workspace / ".temp" / "stray.md").write_text("no document of this project")
    assert worktree.gather() is None
    (inner / ".temp" / ".orchestrator" / "locks").mkdir()
    assert worktree.land() is not None
    assert (inner / "c.txt").read_text() == "changed"
    assert not (inner / ".temp" / "stray.md").exists()


def test_a_conflict_goes_to_the_lead_who_says_what_is_to_hold(repository: Stage) -> None:
    stage = repository
    stage.agent("maker")
    stage.start(isolate=True)
    lead = Path(folder(stage.temp) / stage.id / "a.txt")

    def meanwhile(moment: Moment) -> None:
        if moment.kind == "call" and moment.task.agent == "maker":
            lead.write_text("from another task\n")

    stage.watch = meanwhile
    give = "- calls:\n    - Delegate: {agent: maker, task: Say who made it in a.txt, workstream: made}\n"
    go_on = """
- expect: '(?s)blocked.*contradicts it in a.txt.*<<<<<<<'
  calls:
    - Delegate: {agent: maker, continue_task: "{{child}}", task: Both hold}
"""
    resolve = """
- expect: Both hold
  calls:
    - Read: {file_path: a.txt}
    - Write as both: {file_path: a.txt, content: "both\\n"}
"""
    done = """
- calls:
    - Sync: {check_items: [{item: c2, evidence: ["{{receipt both}}"]}]}
    - Finish: {summary: It is done.}
"""
    with stage.model(clerk=script(BEGIN, give, go_on, DONE), maker=script(BEGIN, WRITE_A, DONE, resolve, done)):
        stage.work()
    assert (stage.workspace / "a.txt").read_text() == "both\n", stage.ends
    assert worktrees(stage) == []


def test_prune_takes_what_git_ignores_in_a_worktree_whose_work_has_landed(repository: Stage) -> None:
    stage = repository
    stage.start(isolate=True)
    stage.play(BEGIN, "- calls:\n    - Bash: {command: 'mkdir __pycache__; echo built >__pycache__/x'}\n", DONE)
    with stage.engine() as engine:
        Prune(engine).run()
    assert worktrees(stage) == []
    assert branches(stage) == ["main"]


def test_commands_of_others_at_the_same_time_are_no_matter_to_one_that_works_apart(repository: Stage) -> None:
    stage = repository
    stage.agent("maker")
    stage.start(isolate=True)
    for name in ("there", "here"):
        os.mkfifo(stage.workspace / ".temp" / name)
    meet = "- calls:\n    - Bash as proof: {command: '%s; touch %s.txt'}\n"
    mine = meet % (f"echo >{stage.temp}/there; cat {stage.temp}/here", "mine")
    theirs = meet % (f"cat {stage.temp}/there; echo >{stage.temp}/here", "theirs")
    other = stage.start("maker", "Write another", isolate=True)
    with stage.model(clerk=script(BEGIN, mine, DONE), maker=script(BEGIN, theirs, DONE)):
        stage.work(stage.id, other)
    assert [change.path for change in stage.task.changes if not change.shared] == ["mine.txt"]
    assert {path.name for path in stage.workspace.glob("*.txt")} == {"a.txt", "mine.txt", "theirs.txt"}
