"""The command line as a whole: help, mistakes, and what must never be a traceback."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from orchestrator import cli
from orchestrator.cli import commands, screen
from orchestrator.events import DecisionRecorded, PhaseChanged

from .conftest import KEY, Shell


def test_help_lists_the_commands_and_the_exit_codes(shell: Shell) -> None:
    ended = shell("--help")
    assert ended.code == 0
    for name in ("archive", "demo", "resume", "run", "show", "status"):
        assert f"\n  {name} " in ended.out
    assert "3 blocked" in ended.out
    assert "screen" not in ended.out


def test_the_version_is_the_package_s(shell: Shell) -> None:
    assert shell("--version").out.startswith("orchestrator, version ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["stauts"], "orchestrator: No such command 'stauts'. Did you mean 'status'? (see orchestrator --help)\n"),
        (["progress"], "orchestrator: No such command 'progress' (see orchestrator --help)\n"),
        (["run"], "orchestrator: name an agent and its task, or a --team FILE\n"),
        (
            ["completion"],
            "Missing argument '{bash|zsh|fish}'. Choose from: bash, zsh, fish (see orchestrator completion --help)\n",
        ),
        (["run", "--team"], "orchestrator: Option '--team' requires an argument (see orchestrator run --help)\n"),
        (["limit", "ABC234", "--max-cost", "abc"], "'abc' is not a valid number (see orchestrator limit --help)\n"),
        (["status", "--jsno"], "(see orchestrator status --help)\n"),
    ],
)
def test_a_mistake_is_one_line_and_exits_with_2(shell: Shell, arguments: list[str], said: str) -> None:
    ended = shell(*arguments)
    assert ended.code == 2
    assert ended.err.endswith(said)
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("words", [["status"], ["init"], ["completion", "bash"]], ids=" ".join)
def test_in_a_directory_that_was_deleted_it_is_said_what_to_do(shell: Shell, words: list[str]) -> None:
    gone = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"'
    command = ["sh", "-c", gone, "sh", sys.executable, "-P", "-m", "orchestrator", *words]
    ended = subprocess.run(command, cwd=shell.home, capture_output=True, text=True)
    said = "orchestrator: this directory was deleted: go to another one, or name a --project\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", said)


def test_bytes_that_are_no_text_reach_no_document(shell: Shell) -> None:
    no_text = os.fsdecode(b"a \xff")
    with shell.model("[{say: Done.}]"):
        shell("run", "clerk", no_text, "--verify", f"true {no_text}", "--model", no_text, "--yes", "--max-turns", "1")
    (task,) = (path.stem[-6:] for path in shell.temp.glob("task-status-*.json"))
    for words in (("tell", task, no_text), ("cancel", task, no_text)):
        assert shell(*words).code == 0
    (journal,) = shell.temp.glob(".orchestrator/journal/**/*.jsonl")
    assert journal.read_text().count("a \ufffd") >= 5
    for path in (path for path in shell.temp.rglob("*") if path.is_file()):
        assert not re.search(r"\\ud[89a-f]", path.read_bytes().decode())


def test_words_that_a_person_types_are_taken_as_they_are_only_where_they_name_what_is_there() -> None:
    context = click.Context(commands)
    found = ((name, commands.get_command(context, name)) for name in commands.list_commands(context))
    options = ((name, option) for name, command in found if command for option in command.params)
    raw = {f"{name} {option.name}" for name, option in options if option.type is click.STRING}
    named = {"changes paths", "undo paths", "agents name", "blame document", "show document"}
    assert {row for row in raw if not row.endswith(" output")} == named


def test_what_nobody_foresaw_is_one_line_and_the_traceback_is_there_for_who_asks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    nonsense: list[str] = [7]  # type: ignore[list-item]
    assert cli.main(nonsense) == 1
    said = capsys.readouterr().err
    assert (said.startswith("orchestrator: unexpected TypeError: "), said.count("\n")) == (True, 1)
    monkeypatch.setenv("ORCHESTRATOR_DEBUG", "1")
    with pytest.raises(TypeError):
        cli.main(nonsense)


def redirected(shell: Shell, how: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command as a shell starts it that redirects its streams so."""
    command = ["sh", "-c", f'exec "$@" {how}', "sh", sys.executable, "-m", "orchestrator", *arguments]
    return subprocess.run(command, cwd=shell.project, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_leads_nowhere_and_not_into_a_file(shell: Shell, closed: str) -> None:
    task = shell.task().id
    ended = redirected(shell, closed, "cancel", task)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == ("" if " >&-" in f" {closed}" else f"{task} is cancelled\n")
    assert "cancelled" in shell("log", task).out
    assert redirected(shell, closed, "run", "clerk").returncode == 2


def test_an_output_that_cannot_be_written_is_one_line(shell: Shell) -> None:
    ended = redirected(shell, ">/dev/full", "agents")
    assert ended.returncode == 1
    said = "the output cannot be written: No space left on device; `orchestrator status` shows what was done"
    assert ended.stderr == f"orchestrator: {said}\n"


def test_a_reader_that_leaves_early_gets_no_complaint(shell: Shell) -> None:
    process = shell.start("--help")
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() == 128 + signal.SIGPIPE


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "␛[31mred"),
        ("a\tb\nc", "a\tb\nc"),
        ("a\r\nb\rc", "a\nb␍c"),
        ("\x9b2J\x7f", "<U+009B>2J␡"),
        ("\u2066x\u2069\u200b", "<U+2066>x<U+2069><U+200B>"),
        ("half \udc80", "half <U+DC80>"),
        ("Grüße 👩‍💻 日本", "Grüße 👩‍💻 日本"),
    ],
)
def test_what_steers_or_hides_is_made_visible(text: str, shown: str) -> None:
    assert screen.plain(text) == shown


def test_help_fits_eighty_columns_and_cuts_no_command_short(shell: Shell) -> None:
    shell.environment["COLUMNS"] = "80"
    whole = shell("--help").out
    assert "..." not in whole.partition("Commands:")[2]
    names = re.findall(r"^  (\w+)  ", whole.partition("Commands:")[2], re.MULTILINE)
    assert len(names) > 10
    for row in whole.splitlines() + [
        row for name in ("run", "resume", "show") for row in shell(name, "-h").out.splitlines()
    ]:
        assert len(row) <= 80, row


@pytest.mark.parametrize(
    ("text", "columns", "rows"),
    [
        ("", 5, []),
        ("one two", 7, ["one two"]),
        ("one two three", 7, ["one two", "three"]),
        ("  one two", 6, ["  one", "two"]),
        ("a /longer/path b", 6, ["a", "/longer/path", "b"]),
        (f"a {'x' * 125} b", 100, ["a", "x" * 100, f"{'x' * 25} b"]),
        ("日本語 日本", 5, ["日本", "語", "日本"]),
        ("日本", 1, ["日", "本"]),
    ],
)
def test_a_text_is_broken_into_rows_by_the_columns_it_takes(text: str, columns: int, rows: list[str]) -> None:
    assert screen.wrap(text, columns) == rows


@pytest.mark.parametrize(
    ("text", "columns", "shown"),
    [("short", 5, "short"), ("longer", 5, "long…"), ("日本語", 5, "日本…"), ("a\nb  c", 9, "a b c"), ("日本", 1, "…")],
)
def test_a_line_is_cut_to_the_columns_it_takes(text: str, columns: int, shown: str) -> None:
    assert screen.fit(text, columns) == shown


def test_what_is_piped_is_whole_however_long_it_is(shell: Shell) -> None:
    long = " ".join(f"note{number}.txt" for number in range(200))
    task = shell.task(long)
    with shell.engine() as engine:
        engine.commit(task.id, [PhaseChanged(phase="middle"), DecisionRecorded(id="D1", decision=long)], actor="worker")
    for words in (["log", task.id], ["status"], ["show", task.id]):
        assert long in shell(*words).out, words
        shell.environment["COLUMNS"] = "80"
        assert long not in shell(*words).out, words
        del shell.environment["COLUMNS"]


@pytest.mark.parametrize(("variable", "value"), [("ANTHROPIC_BASE_URL", "foo"), ("HTTPS_PROXY", "http://[::")])
def test_an_address_that_is_none_is_said_in_one_line_before_anything_is_begun(
    shell: Shell, variable: str, value: str
) -> None:
    task = shell.task()
    shell.environment |= {"ANTHROPIC_API_KEY": KEY, variable: value}
    for arguments in (["run", "clerk", "Write a note"], ["resume", task.id]):
        ended = shell(*arguments)
        assert (ended.code, ended.out) == (2, "")
        assert variable in ended.err
        assert len(ended.err.splitlines()) == 1
    assert [path.name for path in shell.temp.glob("checklist-*")] == [f"checklist-{task.id}.md"]


def test_the_list_of_commands_says_of_each_what_its_own_help_begins_with(shell: Shell) -> None:
    out = shell("--help").out
    context = click.Context(commands)
    listed = dict(re.findall(r"(?m)^  ([a-z]+)  +(\S.*)$", out.partition("Commands:")[2]))
    found = {path.stem: commands.get_command(context, path.stem) for path in Path(cli.__file__).parent.glob("*.py")}
    assert listed == {name: command.get_short_help_str(200) for name, command in found.items() if command}


WINDOWS = """
import os, sys
os.name = "nt"
sys.modules["fcntl"] = None
from orchestrator.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("words", [[], ["--help"], ["status"], ["run", "lead", "Plan"]])
def test_windows_is_refused_with_one_line_whatever_is_asked(tmp_path: Path, words: list[str]) -> None:
    command = [sys.executable, "-c", WINDOWS, *words]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "orchestrator: it needs a POSIX system: on Windows, use it inside WSL\n"
