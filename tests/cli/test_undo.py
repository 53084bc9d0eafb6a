"""`orchestrator changes` and `undo`: what a task did to files, shown as a patch and taken back."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.events import Event
from orchestrator.evidence import net
from orchestrator.task import Task
from orchestrator.undo import Undo

from .conftest import Ended, Shell, shell_in
from .test_terminal import Terminal

BINARY = b"\x00\x01\x02" * 100
PLAY = r"""
- calls:
  - Sync: {add_items: [{text: Files are changed}, {text: Files are looked at}]}  # R1
  - Read: {file_path: kept.txt}
  - Edit: {file_path: kept.txt, old_string: two, new_string: "2"}  # R3
  - Write: {file_path: src/new.txt, content: "fresh, and no newline"}
  - Write: {file_path: "a name.txt", content: "x\n"}
  - Bash: {command: "rm gone.txt picture.bin; : >empty; printf '\\0made' >made.bin; echo more >>both.txt"}  # R6
  - Write: {file_path: src/new.txt, content: "fresher"}
  - Bash: {command: "ls"}  # R8
  - Sync: {check_items: [{item: c1, evidence: [R6]}, {item: c2, evidence: [R8]}]}
"""
FINISH = "- calls: [{Finish: {summary: Done.}}]\n"
BLOCK = "- calls: [{Sync: {raise_blockers: [A person is needed]}}]\n- say: I wait.\n"
WRITE = "- calls: [{Read: {file_path: note.txt}}, {Write: {file_path: note.txt, content: TEXT}}]\n"
AGAIN = r"""
- expect: 'Took back what this task did to `both\.txt`(?s:.*)Unchecked the item c1: Files are changed'
  calls: [{Sync: {check_items: [{item: c1, evidence: [R6]}], resolve_blockers: [{id: B1, resolution: Ok}]}}]  # R11
- expect: 'what R6 did to files was taken back by a person'
  calls: [{Bash: {command: echo more >>both.txt}}]
- calls: [{Sync: {check_items: [{item: c1, evidence: [R12]}], resolve_blockers: [{id: B1, resolution: Ok}]}}]
- calls: [{Finish: {summary: Done again.}}]
"""
BEFORE = {
    "kept.txt": b"one\ntwo\nthree\n",
    "gone.txt": b"",
    "picture.bin": BINARY,
    "both.txt": b"caf\xe9, in Latin-1\r\n",
}
TOUCHED = {*BEFORE, "src/new.txt", "a name.txt", "empty", "made.bin"}


def files(directory: Path) -> dict[str, bytes]:
    """What a person would call the project's files."""
    found = (path for path in directory.rglob("*") if path.is_file())
    named = {path.relative_to(directory).as_posix(): path.read_bytes() for path in found}
    return {name: data for name, data in named.items() if name.split("/")[0] not in (".temp", ".claude", ".git")}


def run(shell: Shell, turns: str, before: dict[str, bytes] = BEFORE) -> str:
    """A clerk at work; returns the task's id."""
    for name, data in before.items():
        (shell.project / name).write_bytes(data)
    with shell.model(turns):
        ended = shell("run", "clerk", "Change files", "--yes", "--json")
    task: str = json.loads(ended.out)["task"]
    return task


def piped(shell: Shell, *arguments: str) -> bytes:
    """The very bytes that a pipe gets."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(shell.home)}
    command = [sys.executable, "-m", "orchestrator", *arguments]
    return subprocess.check_output(command, cwd=shell.project, env=environment)


def undo(shell: Shell, task: str, *more: str) -> Ended:
    return shell("undo", task, "--yes", *more)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shell, str]:
    """A task that is archived; whoever uses it only looks."""
    shell = shell_in(tmp_path_factory.mktemp("done"))
    return shell, run(shell, PLAY + FINISH)


@pytest.fixture
def archived(done: tuple[Shell, str], tmp_path: Path) -> tuple[Shell, str]:
    """A copy of it, to do with as one likes."""
    shutil.copytree(done[0].project.parent, tmp_path, dirs_exist_ok=True)
    return Shell(tmp_path / "project", tmp_path / "home"), done[1]


# -- changes


def test_changes_are_a_patch_that_git_applies_backwards_and_forwards(done: tuple[Shell, str]) -> None:
    shell, task = done
    after = files(shell.project)
    patch = piped(shell, "changes", task)
    for arguments, expected in ((["--reverse"], BEFORE), ([], after)):
        subprocess.run(["git", "apply", "--check", *arguments], input=patch, cwd=shell.project, check=True)
        subprocess.run(["git", "apply", *arguments], input=patch, cwd=shell.project, check=True)
        assert files(shell.project) == expected
    assert b"\\ No newline at end of file" in patch
    assert b"--- /dev/null\n+++ b/src/new.txt\n" in patch


def test_changes_of_a_part_are_named_by_file_or_directory(done: tuple[Shell, str]) -> None:
    shell, task = done
    found = json.loads(shell("changes", task, "src", "gone.txt", "--json").out)["files"]
    assert [(row["path"], row["change"], row["kept"]) for row in found] == [
        ("gone.txt", "deleted", True),
        ("src/new.txt", "created", True),
    ]
    assert found[1]["patch"].endswith("+fresher\n\\ No newline at end of file\n")
    refused = shell("changes", task, "src/other.txt")
    assert refused.code == 2
    assert "changed no src/other.txt" in refused.err


def test_at_a_terminal_changes_are_in_colour_and_binary_files_are_only_named(done: tuple[Shell, str]) -> None:
    shell, task = done
    shell.environment["TERM"] = "xterm"
    terminal = Terminal(shell, "changes", task)
    assert terminal.end() == 0
    assert "\x1b[31m-two" in terminal.shown
    assert "\x1b[32m+2" in terminal.shown
    assert "picture.bin was deleted, binary: 300 bytes" in terminal.shown
    assert "GIT binary patch" not in terminal.shown


# -- undo


def test_undo_takes_back_what_a_task_created_modified_and_deleted(archived: tuple[Shell, str]) -> None:
    shell, task = archived
    (shell.project / "kept.txt").chmod(0o754)
    ended = undo(shell, task)
    assert (ended.code, ended.err) == (0, "")
    assert files(shell.project) == BEFORE
    assert (shell.project / "kept.txt").stat().st_mode & 0o777 == 0o754
    assert shell("changes", task).out == ""
    assert "nothing to undo" in undo(shell, task).out
    assert "taken back: " in shell("log", task).out
    summary = shell("show", task, "summary").out
    assert "new.txt` –" not in summary


def test_what_anybody_changed_since_is_left_and_named_and_the_rest_is_done(archived: tuple[Shell, str]) -> None:
    shell, task = archived
    (shell.project / "kept.txt").write_text("a person's\n")
    (shell.project / "gone.txt").write_text("made anew\n")
    (shell.project / "empty").unlink()
    ended = undo(shell, task)
    assert ended.code == 1
    assert "kept.txt stays as it is: it was changed since" in ended.out
    assert "gone.txt stays as it is: it was made again since" in ended.out
    assert "empty is back already" in ended.out
    assert "5 files taken back, 2 left" in ended.out
    assert files(shell.project) == BEFORE | {"kept.txt": b"a person's\n", "gone.txt": b"made anew\n"}
    again = json.loads(undo(shell, task, "--json").out)
    assert again["undone"] == []
    assert [row["path"] for row in again["left"]] == ["gone.txt", "kept.txt"]


def test_only_the_named_files_are_taken_back(archived: tuple[Shell, str]) -> None:
    shell, task = archived
    assert json.loads(undo(shell, task, "src", "--json").out)["undone"] == ["src/new.txt"]
    assert files(shell.project).keys() == TOUCHED - {"src/new.txt", "gone.txt", "picture.bin"}
    assert undo(shell, task, "src").out == f"nothing to undo: {task} changed no file, all in all\n"
    assert undo(shell, task, "nowhere").code == 2
    assert f"task {task} changed no ''" in undo(shell, task, "").err


def test_of_two_tasks_that_changed_a_file_the_later_one_is_undone_first(shell: Shell) -> None:
    first = run(shell, WRITE.replace("TEXT", "first") + BLOCK, {})
    second = run(shell, WRITE.replace("TEXT", "second") + BLOCK, {})
    assert undo(shell, first).code == 1
    assert (shell.project / "note.txt").read_text() == "second"
    assert undo(shell, second).code == 0
    assert (shell.project / "note.txt").read_text() == "first"
    assert undo(shell, first).code == 0
    assert files(shell.project) == {}


def test_what_a_person_did_between_two_changes_of_a_task_is_not_taken_back_with_them(shell: Shell) -> None:
    first = WRITE.replace("TEXT", "one") + BLOCK
    task = run(shell, first, {})
    (shell.project / "note.txt").write_text("a person's")
    with shell.model(first + WRITE.replace("TEXT", "two") + "- say: I wait.\n"):
        shell("resume", task)
    ended = undo(shell, task)
    assert ended.code == 1
    assert "stays as it is: somebody else changed it between two changes of this task" in ended.out
    assert (shell.project / "note.txt").read_text() == "two"


def test_items_that_are_proved_no_more_are_open_again_and_the_worker_is_told(shell: Shell) -> None:
    task = run(shell, PLAY + BLOCK)
    ended = undo(shell, task, "both.txt")
    assert ended.out.endswith("1 file taken back\nopen again, what proved them is gone: c1\n")
    with shell.model(PLAY + BLOCK + AGAIN):
        resumed = shell("resume", task, "--yes")
    assert resumed.code == 0, resumed.out + resumed.err
    assert undo(shell, task).code == 0
    assert files(shell.project) == BEFORE


def test_a_task_that_is_reopened_has_the_items_open_that_are_proved_no_more(archived: tuple[Shell, str]) -> None:
    shell, task = archived
    undo(shell, task)
    shell("reopen", task)
    checklist = (shell.temp / f"checklist-{task}.md").read_text()
    assert "- [ ] Files are changed" in checklist
    assert "- [x] Files are looked at" in checklist


def test_a_content_that_is_lost_or_damaged_counts_as_not_kept(archived: tuple[Shell, str]) -> None:
    shell, task = archived
    contents = shell.temp / ".orchestrator" / "contents"
    (contents / hashlib.sha256(BINARY).hexdigest()).write_bytes(b"torn")
    (contents / hashlib.sha256(BEFORE["kept.txt"]).hexdigest()).unlink()
    shown = shell("changes", task, "kept.txt")
    assert (shown.code, shown.out) == (1, "")
    assert "kept.txt was modified; what it held was not kept" in shown.err
    ended = undo(shell, task)
    assert ended.code == 1
    assert ended.out.count("stays as it is: what it held before was not kept") == 2
    assert (shell.project / "kept.txt").read_bytes() == b"one\n2\nthree\n"
    assert not (shell.project / "picture.bin").exists()


def test_a_large_file_that_a_command_changed_is_named_and_left(shell: Shell) -> None:
    large = b"x" * 1_000_000
    task = run(shell, "- calls: [{Bash: {command: echo more >>large}}]\n" + BLOCK, {"large": large})
    assert "large was modified; what it held was not kept" in shell("changes", task).err
    assert undo(shell, task).code == 1
    assert (shell.project / "large").read_bytes() == large + b"more\n"


def test_no_link_is_followed_out_of_the_workspace(archived: tuple[Shell, str]) -> None:
    shell, task = archived
    outside = shell.home / "src"
    (shell.project / "src").rename(outside)
    (shell.project / "src").symlink_to(outside)
    ended = undo(shell, task)
    assert ended.code == 1
    assert "there is a link on the way to it" in ended.out
    assert (outside / "new.txt").read_text() == "fresher"


def bash(command: str) -> str:
    return f"- calls: [{{Bash: {{command: {json.dumps(command)}}}}}]\n" + BLOCK


def test_a_file_in_whose_place_a_command_made_a_directory_comes_back_with_what_was_below_it(shell: Shell) -> None:
    before = {"notes": b"of the person\n", "a": b"b\n"}
    command = "rm notes; mkdir -p notes/empty; echo x >notes/a.md; mv a b; mkdir a; mv b a/b; chmod 600 a/b"
    task = run(shell, bash(command), before)
    assert b"-of the person\n" in piped(shell, "changes", task)
    ended = undo(shell, task)
    assert (ended.code, ended.err) == (0, "")
    assert "4 files taken back" in ended.out
    assert files(shell.project) == before


def test_a_directory_in_whose_place_a_command_made_a_file_comes_back(shell: Shell) -> None:
    (shell.project / "src").mkdir()
    task = run(shell, bash("rm -r src; echo x >src"), {"src/a.md": b"a\n"})
    assert undo(shell, task).code == 0
    assert files(shell.project) == {"src/a.md": b"a\n"}


def test_what_is_in_the_way_of_a_file_is_named_and_once_it_is_gone_the_file_comes_back(shell: Shell) -> None:
    before = {name: f"{name}\n".encode() for name in ("notes", "config.ini", "dir/a", "door", "old/a")}
    for name in ("dir", "old"):
        (shell.project / name).mkdir()
    command = (
        "rm notes; mkdir notes; mkdir store; mv config.ini store/; ln -s store/config.ini config.ini; "
        "mv dir store/; ln -s store/dir dir; rm door; mkfifo door; rm -r old"
    )
    task = run(shell, bash(command), before)
    (shell.project / "notes/mine").write_text("a person's\n")
    (shell.project / "old").write_text("a person's, too\n")
    ended = undo(shell, task)
    assert ended.code == 1
    for line in (
        "config.ini stays as it is: a link is in its place",
        "dir/a stays as it is: there is a link on the way to it, dir",
        "door stays as it is: something that is no file is in its place",
        "notes stays as it is: a directory with other files is in its place",
        "old/a stays as it is: old is no directory now",
    ):
        assert f"  · {line}\n" in ended.out
    assert ended.err == ""
    assert "2 files taken back, 5 left" in ended.out
    assert (shell.project / "notes/mine").read_text() == "a person's\n"

    for name in ("config.ini", "dir", "door", "notes/mine", "old"):
        (shell.project / name).unlink()
    contents = shell.temp / ".orchestrator" / "contents"
    for path in contents.iterdir():
        os.utime(path, (0, 0))
    assert shell("prune").code == 0
    assert undo(shell, task).code == 0
    assert files(shell.project) == before


def test_what_fails_in_the_end_is_said_in_plain_words_and_the_rest_is_done(shell: Shell) -> None:
    task = run(shell, bash("rm a; echo x >b"), {"a": b"a\n"})
    name = f".orchestrator-{hashlib.sha256(b'a').hexdigest()[:16]}.tmp"
    (shell.project / name).mkdir()  # where it is written before it gets its own name
    ended = undo(shell, task)
    assert (ended.code, ended.out) == (1, "  + a comes back\n  - b is removed\n1 file taken back, 1 left\n")
    assert ended.err == "orchestrator: a stays as it is after all: it could not be written: Is a directory\n"
    left = json.loads(undo(shell, task, "--json").out)["left"]
    assert left == [{"path": "a", "reason": "it could not be written: Is a directory"}]
    (shell.project / name).rmdir()
    assert undo(shell, task).code == 0
    assert files(shell.project) == {"a": b"a\n"}


def test_a_reason_has_as_many_lines_as_it_needs(shell: Shell) -> None:
    path = "a/rather/deep/place/for/a/file.txt"
    task = run(shell, bash(f"mkdir -p {Path(path).parent}; echo x >{path}"), {})
    (shell.project / "a/rather").rename(shell.project / "elsewhere")
    (shell.project / "a/rather").symlink_to(shell.project / "elsewhere")
    shell.environment["COLUMNS"] = "60"
    assert undo(shell, task).out == (
        f"  · {path} stays as it is: there\n    is a link on the way to it, a/rather\n0 files taken back, 1 left\n"
    )


def test_names_that_are_not_utf_8_are_told_apart_patched_and_taken_back(shell: Shell) -> None:
    root = os.fsencode(shell.project)
    before = {b"b\xff1": b"one\n", b"b\xfe1": b"two\n", b"\xe91/x": b"three\n"}
    os.mkdir(root + b"/\xe91")
    for name, data in before.items():
        Path(os.fsdecode(root + b"/" + name)).write_bytes(data)
    command = "for each in b*1; do echo more >>$each; done; echo new >$'c\\xff'; rm $'\\xe91/x'; mv *1/ $'\\xe92'"
    task = run(shell, bash(command), {})
    after = files(shell.project)

    found = json.loads(shell("changes", task, "--json").out)["files"]
    assert [(row["path"], row["change"]) for row in found] == [
        ("b\ufffdfe1", "modified"),
        ("b\ufffdff1", "modified"),
        ("c\ufffdff", "created"),
        ("\ufffde91/x", "deleted"),
    ]
    patch = piped(shell, "changes", task)
    subprocess.run(["git", "apply", "--reverse"], input=patch, cwd=shell.project, check=True)
    assert files(shell.project) == {os.fsdecode(name): data for name, data in before.items()}
    subprocess.run(["git", "apply"], input=patch, cwd=shell.project, check=True)
    assert files(shell.project) == after

    assert "1 file taken back" in undo(shell, task, os.fsdecode(b"c\xff")).out
    assert "1 file taken back" in undo(shell, task, "b\ufffdff1").out
    assert "2 files taken back" in undo(shell, task).out
    assert files(shell.project) == {os.fsdecode(name): data for name, data in before.items()}


def test_killed_half_way_it_goes_on_when_it_is_run_again(archived: tuple[Shell, str]) -> None:
    shell, task = archived
    pid = os.fork()
    if pid == 0:
        with shell.engine() as engine:
            taken_back = Undo(shell.project, shell.temp, engine.folder.contents).take_back

            def half_way(task: Task) -> Iterator[Event]:
                found = list(net(task.changes).values())
                taken_back(found[:4])
                os.kill(os.getpid(), signal.SIGKILL)
                yield from ()

            engine.undisturbed(task, half_way)
    assert os.WIFSIGNALED(os.waitpid(pid, 0)[1])
    assert files(shell.project) != BEFORE
    ended = undo(shell, task)
    assert ended.code == 0
    assert ended.out.count("is back already") == 4
    assert f"\n{len(TOUCHED) - 4} files taken back\n" in ended.out
    assert files(shell.project) == BEFORE
    assert "nothing to undo" in undo(shell, task).out


def test_while_somebody_works_on_the_task_it_is_refused(shell: Shell) -> None:
    os.mkfifo(shell.project / "door")
    with shell.model(WRITE.replace("TEXT", "one") + "- calls: [{Bash: {command: echo >door; cat door}}]\n" + BLOCK):
        process = shell.start("run", "clerk", "Try", "--yes")
        (shell.project / "door").read_bytes()
        (task,) = (path.stem for path in (shell.temp / ".orchestrator" / "journal").glob("*.jsonl"))
        refused = undo(shell, task)
        (shell.project / "door").write_text("go on\n")
        process.communicate(timeout=60)
    assert refused.code == 1
    assert "is being worked on by" in refused.err
    assert (shell.project / "note.txt").read_text() == "one"


def test_a_person_is_asked_first_and_where_nobody_is_nothing_is_done(shell: Shell) -> None:
    task = run(shell, WRITE.replace("TEXT", "one") + BLOCK, {})
    for arguments in ([], ["--json"]):
        assert shell("undo", task, *arguments).code == 2
    for answer, code in (("n", 1), ("y", 0)):
        assert (shell.project / "note.txt").exists()
        terminal = Terminal(shell, "undo", task)
        terminal.until(r"note\.txt(?s:.*)Take back\? \[y/N\]")
        terminal.type(f"{answer}\n")
        assert terminal.end() == code
    assert not (shell.project / "note.txt").exists()
