"""Where the work of a task goes that was opened again, and what becomes of a branch that a dead process left."""

from __future__ import annotations

from .conftest import Stage, git, script
from .test_completion import SAY_ONCE
from .test_isolation import AGAIN, BEGIN, DONE, WRITE_A, branches, worktrees


def test_a_child_that_is_reopened_after_its_parent_landed_works_from_what_landed_and_lands_there(
    repository: Stage,
) -> None:
    stage = repository
    stage.agent("maker")
    stage.start(isolate=True)
    give = "- calls:\n    - Delegate: {agent: maker, task: Write made.txt, workstream: made}\n"
    write = "- calls:\n    - Write as proof: {file_path: made.txt, content: made}\n"
    again = """
- calls:
    - Read: {file_path: made.txt}
    - Write as more: {file_path: made.txt, content: better}
- calls:
    - Sync: {check_items: [{item: c2, evidence: ["{{receipt more}}"]}]}
    - Finish: {summary: It is better.}
"""
    with stage.model(clerk=script(BEGIN, give, DONE), maker=script(BEGIN, write, DONE, again)):
        stage.work()
        (child,) = stage.task.children
        with stage.engine() as engine:
            engine.instruct(child.id, "Make it better")
        stage.work(child.id)
    assert (stage.workspace / "made.txt").read_text() == "better", stage.ends
    assert (worktrees(stage), branches(stage)) == ([], ["main"])


def test_a_branch_that_a_process_died_before_it_took_away_goes_and_one_with_more_in_it_stays(
    repository: Stage,
) -> None:
    stage = repository
    stage.start(isolate=True)
    again = "- calls:\n    - Sync: {drop_items: [{item: c2, reason: no}]}\n    - Finish: {summary: Done.}\n"
    with stage.model(clerk=script(BEGIN, WRITE_A, DONE, again)):
        stage.work()
        git(stage.workspace, "branch", f"orchestrator/{stage.id}")
        stage.work()
        assert branches(stage) == ["main"]
        more = git(stage.workspace, "commit-tree", "-p", "HEAD", "-m", "More", "HEAD^{tree}")
        git(stage.workspace, "branch", f"orchestrator/{stage.id}", more)
        stage.work()
        assert branches(stage) == ["main", f"orchestrator/{stage.id}"]
        with stage.engine() as engine:
            engine.instruct(stage.id, "Again")
        stage.work()
    assert stage.task.apart is not None
    assert stage.task.apart.name == f"{stage.id}-2"
    assert branches(stage) == ["main", f"orchestrator/{stage.id}"]
    assert git(stage.workspace, "rev-parse", f"orchestrator/{stage.id}") == more


def test_nothing_lands_before_what_was_said_meanwhile_is_heard(repository: Stage) -> None:
    stage = repository
    say = SAY_ONCE.replace('Path(".temp")', f"Path({str(stage.temp)!r})").replace("told", f"{stage.temp}/told")
    stage.start(isolate=True, verify=(say,))
    seen: list[str] = []
    stage.watch = lambda moment: (
        seen.append((stage.workspace / "a.txt").read_text()) if moment.kind == "asking" else None
    )
    sign = """
- expect: 'A person: Sign it'
  calls:
    - Edit: {file_path: a.txt, old_string: clerk, new_string: signed clerk}
"""
    stage.play(BEGIN, WRITE_A, DONE, sign, AGAIN)
    assert set(seen) == {"as it was\n"}
    assert (stage.workspace / "a.txt").read_text() == "from the signed clerk\n"
