"""System calls that fail under a command; `python -m proof calls` tries all of them."""

from __future__ import annotations

import os

import click
import pytest

from orchestrator.cli import commands
from proof.calls import tried_elsewhere
from proof.commands import COMMANDS
from proof.fault import Call, lacking
from proof.trial import once_a_place

from .conftest import Shell


def test_every_command_is_struck_but_one_that_never_ends_and_one_that_knows_no_folder() -> None:
    names = {*commands.list_commands(click.Context(commands))}
    assert sorted(command.name for command in COMMANDS) == sorted(names - {"watch", "completion"})


@pytest.mark.skipif(bool(lacking()), reason=lacking() or "nothing is lacking")
def test_a_command_that_is_struck_at_any_call_says_so_and_its_next_run_does_the_rest() -> None:
    found = tried_elsewhere("init", 0, 3, full=False)
    assert sum(result.tried for result in found) > 50
    assert not [words for result in found for words in result.violations]


def test_each_error_strikes_one_of_the_looks_at_a_place_of_the_program_and_not_always_the_first() -> None:
    def read(number: int, place: str) -> Call:
        return Call(number, 1, "read", "read", 0, 0, 0, False, "/.temp", "", place)

    calls = [*(read(number, "loop") for number in (1, 2, 3)), read(4, "alone"), read(5, ""), read(6, "")]
    struck: dict[str, list[int]] = {}
    for fault in once_a_place(calls):
        struck.setdefault(fault.what, []).append(fault.point)
    assert struck == {"EIO": [1, 4, 5, 6], "EINTR": [2, 4, 5, 6], "a half": [3, 4, 5, 6]}


def test_a_folder_that_cannot_be_read_is_not_shown_as_empty(shell: Shell) -> None:
    shell.task()
    journals = shell.temp / ".orchestrator" / "journal"
    for path in sorted(journals.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    journals.rmdir()
    journals.symlink_to(journals)
    for words in (["status"], ["log", "K7Q2MX"]):
        ended = shell(*words)
        assert ended.code == 1
        assert "Too many levels of symbolic links" in ended.err
        assert len(ended.err.splitlines()) == 1


def test_resume_fails_when_the_only_task_cannot_be_read(shell: Shell) -> None:
    journal = shell.temp / ".orchestrator" / "journal" / f"{shell.task().id}.jsonl"
    journal.unlink()
    journal.symlink_to(journal)
    ended = shell("resume")
    assert ended.code == 1
    assert f"{journal.name}: Too many levels of symbolic links" in ended.err
    assert not ended.out


def test_the_first_line_of_a_task_that_never_was_is_freed(shell: Shell) -> None:
    staged = shell.temp / ".orchestrator" / "journal" / f".{shell.task().id}.jsonl.new"
    staged.write_bytes(b'{"v":1')
    assert shell("prune").code == 0
    assert staged.exists()
    os.utime(staged, (0, 0))
    assert shell("prune").out.startswith("      1  left by processes that died")
    assert not staged.exists()
