"""run --team: a written list of tasks, in order, without a lead."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent, indent

import pytest

from orchestrator.testing import Screenplay, ScriptedServer
from tests.cli.conftest import Shell

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text().partition("## A team at work")[2].partition("\n## ")[0]
DOCUMENTED = (ROOT / "docs" / "cli.md").read_text().partition("### A written team")[2]
NOTES = (
    DOCUMENTED.partition("```yaml\n")[2].partition("```")[0].replace("python3 -m doctest slug.py", "test -e note.txt")
)
"""The example of the page, which is what runs here."""
ALLOWED = ("--allow", "Bash(test -e note.txt)")
WRITES = """
- calls:
    - Sync: {add_items: [{text: The note is written}]}
    - Write: {file_path: note.txt, content: hello}
- calls:
    - Sync: {check_items: [{item: c1, evidence: [R2]}]}
    - Finish: {summary: Written., result: {}}
"""
READS = """
- calls:
    - Sync: {add_items: [{text: The note is read}]}
    - Read: {file_path: note.txt}
- calls:
    - Sync: {check_items: [{item: c1, evidence: [R2]}]}
    - Finish: {summary: Read.}
"""
BLOCKED = """
- calls: [{Sync: {raise_blockers: [A pen]}}]
- say: I need a pen.
"""


@contextmanager
def models(shell: Shell, **turns: str) -> Iterator[ScriptedServer]:
    actors = "".join(
        f"  {name}:\n    match: You are the agent {name}\\.\n    turns:\n{indent(said, '      ')}\n"
        for name, said in turns.items()
    )
    with ScriptedServer(Screenplay.parse(f"actors:\n{actors}")) as server:
        shell.environment |= {"ANTHROPIC_API_KEY": "a-key-for-tests-only", "ANTHROPIC_BASE_URL": server.url}
        yield server


@pytest.fixture
def shell(shell: Shell) -> Shell:
    for name in ("builder", "reviewer"):
        shell.agent(name, f"---\nname: {name}\ndescription: An agent of a test\n---\nYou do as you are told.\n")
    (shell.project / "notes.yaml").write_text(NOTES)
    return shell


def repository(shell: Shell) -> list[str]:
    """The project as one, with a commit; how git is called there."""
    (shell.project / ".gitignore").write_text(".temp\n")
    git = ["git", "-C", str(shell.project), "-c", "user.name=A Person", "-c", "user.email=person@example.invalid"]
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "Begin"]):
        subprocess.run([*git, *words], check=True)
    return git


def by_agent(shell: Shell) -> dict[str, dict[str, object]]:
    return {row["agent"]: row for row in json.loads(shell("status", "--all", "--json").out)["tasks"]}


def test_what_is_written_is_done_in_its_order_and_no_lead_is_asked(shell: Shell) -> None:
    with models(shell, builder=WRITES, reviewer=READS) as server:
        ended = shell("run", "--team", "notes.yaml", "--json", *ALLOWED)
        assert ended.code == 0, ended.err
        assert len(server.requests) == 4
        assert "Write slug.py, with a doctest.\nA slug has letters" in json.dumps(
            server.requests[0]["messages"]
        ).replace("\\n", "\n")
    rows = by_agent(shell)
    assert {row["state"] for row in rows.values()} == {"archived"}
    assert rows["reviewer"]["parent"] == rows["team:notes.yaml"]["task"]


def test_what_is_blocked_blocks_the_whole_and_goes_on_with_it(shell: Shell) -> None:
    known = "- calls: [{Sync: {resolve_blockers: [{id: B1, resolution: found}]}}]\n"
    with models(shell, builder=f"{BLOCKED}{known}{WRITES.replace('R2', 'R4')}", reviewer=READS):
        ended = shell("run", "--team", "notes.yaml", *ALLOWED)
        assert ended.code == 3
        assert "build, " in ended.err
        assert "(builder), is blocked" in ended.err
        rows = by_agent(shell)
        assert (rows["builder"]["state"], rows["reviewer"]["state"]) == ("blocked", "pending")
        assert shell("resume", str(rows["team:notes.yaml"]["task"]), *ALLOWED).code == 0
    assert {row["state"] for row in by_agent(shell).values()} == {"archived"}


def test_one_is_done_when_what_is_written_for_it_passes(shell: Shell) -> None:
    wrong = WRITES.replace("note.txt", "other.txt")
    right = """
- expect: '(?s)verification `test -e note.txt` failed'
  calls:
    - Write: {file_path: note.txt, content: hello}
    - Sync: {check_items: [{item: c1, evidence: [R5]}]}
    - Finish: {summary: Written., result: {}}
"""
    with models(shell, builder=wrong + right, reviewer=READS):
        ended = shell("run", "--team", "notes.yaml", *ALLOWED)
    assert ended.code == 0, ended.err
    root = next(row for row in by_agent(shell).values() if row["agent"] == "team:notes.yaml")
    told = re.search(r"with all that it gave away 7 turns, ([\d,]+) tokens, \$([\d.]+): (.+)", ended.out)
    assert told is not None, ended.out
    assert int(told[1].replace(",", "")) > 1_000
    assert float(told[2]) > 0
    assert told[3] == f"orchestrator show {root['task']}"
    with shell.engine() as engine:
        verify = {
            engine.refresh(str(row["task"])).task.agent: engine.refresh(str(row["task"])).task.verify
            for row in by_agent(shell).values()
        }
    assert verify == {"team:notes.yaml": (), "builder": ("test -e note.txt",), "reviewer": ()}


def test_why_one_stopped_is_said_by_the_whole_and_it_goes_on(shell: Shell) -> None:
    refused = "- fault: {status: 400, times: 1}\n  calls:\n" + WRITES.removeprefix("\n- calls:\n")
    with models(shell, builder=refused, reviewer=READS):
        ended = shell("run", "--team", "notes.yaml", *ALLOWED)
        assert ended.code == 3
        rows = by_agent(shell)
        assert rows["builder"]["state"] == "stopped"
        assert re.search(r"\(builder\), is stopped: model: http://\S+ refused the request \(400", ended.err)
        root = str(rows["team:notes.yaml"]["task"])
        assert "(builder), which is stopped: model: http://" in shell("why", root, "--json").out
        assert shell("resume", root, *ALLOWED).code == 0
    assert {row["state"] for row in by_agent(shell).values()} == {"archived"}


def test_one_turn_of_all_is_told_as_one(shell: Shell) -> None:
    shell.environment |= {"ANTHROPIC_API_KEY": "a-key-for-tests-only"}
    ended = shell("run", "--team", "notes.yaml", "--max-turns", "1", *ALLOWED)
    assert "with all that it gave away 1 turn, 0 tokens, $0.00: " in ended.out


def test_a_killed_team_goes_on_where_it_was(shell: Shell) -> None:
    waits = WRITES.replace(
        "- Write", "- Bash: {command: 'touch begun; until test -e go; do sleep 0.01; done'}\n    - Write"
    )
    with models(shell, builder=waits.replace("R2", "R3"), reviewer=READS) as server:
        process = shell.start("run", "--team", "notes.yaml", "--yes")
        while not (shell.project / "begun").exists():
            os.sched_yield()
        process.send_signal(signal.SIGKILL)
        process.communicate()
        (shell.project / "go").touch()
        assert shell("resume", "--all", "--yes").code == 0
        assert len(server.requests) == 4
    assert {row["state"] for row in by_agent(shell).values()} == {"archived"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (NOTES.replace("agent: reviewer", "agent: reviwer"), ":4: no agent named 'reviwer': did you mean reviewer?"),
        (NOTES.replace("agent: reviewer", "agent: x"), ":4: no agent named 'x': there are: builder, "),
        (NOTES.replace("    limits", "    after: review\n    limits"), ":6: review comes after build "),
        (NOTES.replace("after: [build]", "after: [biuld]"), ":6: the task review comes after 'biuld', which is none: "),
        (NOTES.replace("after: [build]", "after: [biuld]"), ": did you mean build?"),
        (NOTES.replace("after: [build]", "after: [build,\n ship]"), ":7: the task review comes after 'ship', which"),
        (NOTES.replace("  build:", "  review:"), ":7: review is there twice in `tasks`: name one otherwise"),
        (NOTES.replace("after: [build]", "befor: x"), ":6: the task review has no key 'befor': there are agent, task"),
        (NOTES.replace("turns: 40", "turns: none"), ":12: the task build: `limits.turns`"),
        (NOTES.replace("verify: test -e note.txt", "verify: {}"), ":14: the task build: a command of `verify` is not "),
        (NOTES.replace("verify: test -e note.txt", "verify: [a, ' ']"), ":14: the task build: a command of `verify` "),
        ("tasks: [", "not YAML"),
        ("", "1: a team is no mapping of keys to values, as in: tasks: {NAME: {agent: NAME, task: TEXT}}"),
        ("tasks: {}", "1: there are no tasks"),
        ("tasks: {a: {agent: clerk}}", "1: the task a has no `task`"),
        ("tasks: {a b: {agent: clerk, task: Try}}", "1: 'a b' cannot be a task's name"),
        (NOTES.replace("  build:", "  build it:"), ":7: 'build it' cannot be a task's name"),
        ("a: &a [1]\n" + "\n".join(f"b{n}: *a" for n in range(9)), "aliases"),
    ],
)
def test_a_file_that_cannot_be_obeyed_is_one_line_that_names_the_line_and_nothing_is_created(
    shell: Shell, text: str, said: str
) -> None:
    (shell.project / "notes.yaml").write_text(text)
    ended = shell("run", "--team", "notes.yaml")
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert ended.err.startswith("orchestrator: notes.yaml:")
    assert said in ended.err
    assert not shell.temp.exists()


def test_what_would_run_unasked_and_nobody_has_allowed_is_named_and_nothing_is_created(shell: Shell) -> None:
    ended = shell("run", "--team", "notes.yaml")
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "notes.yaml declares the verification command `test -e note.txt`: allow it with --allow" in ended.err
    assert not shell.temp.exists()


def test_it_works_on_by_itself_and_is_stopped_with_all_below_it(shell: Shell) -> None:
    sleeps = "- calls:\n    - Bash: {command: 'touch begun; exec sleep 600'}\n"
    with models(shell, builder=sleeps):
        root = json.loads(shell("run", "--team", "notes.yaml", "--detach", "--yes", "--json").out)["task"]
        while not (shell.project / "begun").exists():
            os.sched_yield()
        drawn = shell("graph").out
        refused = shell("continue", root, "Write another one")
        assert (refused.code, "a written team, which nobody leads" in refused.err) == (2, True)
        assert shell("stop", root).code == 0
        assert shell("wait", "--all").code != 0
    rows = by_agent(shell)
    build, review = (str(rows[name]["task"]) for name in ("builder", "reviewer"))
    assert f"{root} --> {build}" in drawn
    assert f"{build} -. then .-> {review}" in drawn
    assert (rows["team:notes.yaml"]["state"], rows["builder"]["state"]) == ("stopped", "stopped")


def test_the_file_of_the_readme_runs_as_it_says(shell: Shell) -> None:
    (text,) = re.findall(r"(?ms)^    goal:.*?(?=^\S)", README)
    (line,) = re.findall(r"(?m)^    orchestrator (run --team .+)$", README)
    (shell.project / "team.yaml").write_text(dedent(text))
    repository(shell)
    with models(shell, **{"sequelize-associations-architect": BLOCKED}):
        ended = shell(*shlex.split(line))
    assert ended.code == 3, ended.err
    assert by_agent(shell)["db-worker"]["state"] == "pending"


def test_each_works_apart_from_the_others_and_lands_in_its_turn(shell: Shell) -> None:
    git = repository(shell)
    with models(shell, builder=WRITES, reviewer=READS):
        ended = shell("run", "--team", "notes.yaml", "--isolate", "worktree", "--verify", "test -e note.txt", "--yes")
    assert ended.code == 0, ended.err
    assert (shell.project / "note.txt").read_text() == "hello"
    subjects = subprocess.run([*git, "log", "--format=%an"], check=True, capture_output=True, text=True).stdout
    assert subjects.split("\n")[:2] == ["builder", "A Person"]
    assert not list((shell.temp / ".orchestrator" / "worktrees").iterdir())


def test_what_the_whole_must_pass_is_not_asked_for_again_when_each_lands(shell: Shell) -> None:
    repository(shell)
    with models(shell, builder=WRITES, reviewer=READS):
        ended = shell("run", "--team", "notes.yaml", "--isolate", "worktree", "--verify", "true", *ALLOWED)
    assert ended.code == 0, ended.err
    assert (shell.project / "note.txt").read_text() == "hello"


def test_what_was_allowed_when_it_was_given_is_not_asked_for_again_when_it_begins(shell: Shell) -> None:
    (shell.project / "notes.yaml").write_text("""
tasks:
  look: {agent: reviewer, task: Read notes.yaml}
  build: {agent: builder, task: Write note.txt, after: look, verify: test -e note.txt}
""")
    found = "- calls: [{Sync: {resolve_blockers: [{id: B1, resolution: A pen is there}]}}]"
    reads = READS.replace("R2", "R4").replace("note.txt", "notes.yaml")
    with models(shell, builder=WRITES, reviewer=f"{BLOCKED}{found}{reads}"):
        assert shell("run", "--team", "notes.yaml", *ALLOWED).code == 3
        ended = shell("resume", by_agent(shell)["team:notes.yaml"]["task"])
    assert ended.code == 0, ended.err
