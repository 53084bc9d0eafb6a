"""At a terminal: colour, and a person who is asked."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import re
import struct
import sys
import termios
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import click
import pytest

from orchestrator.cli import screen, standing
from orchestrator.cli.footer import Footer
from orchestrator.cli.roster import Roster
from orchestrator.cli.standing import Standing
from orchestrator.events import Usage
from orchestrator.task import Blocker, Item

from .conftest import Shell
from .test_answer import ASKS

THREE = """
- calls:
    - Sync: {add_items: [{text: Commands are tried}]}
    - Bash: {command: echo one}
    - Sync: {next_steps: [Again]}
    - Bash: {command: "echo \\e[8m; touch hidden"}
    - Bash: {command: echo one}
- calls:
    - Sync: {check_items: [{item: c1, evidence: [R5]}]}
    - Finish: {summary: Tried.}
"""


class Terminal:
    """A process at a terminal, and what its screen has shown."""

    def __init__(self, shell: Shell, *arguments: str) -> None:
        self._terminal, screen = pty.openpty()
        os.set_blocking(self._terminal, True)
        self.process = shell.start(*arguments, stdin=screen, stdout=screen, stderr=screen, start_new_session=True)
        os.close(screen)
        self.shown = ""

    def until(self, pattern: str) -> None:
        """Read on until the pattern has been shown."""
        start = len(self.shown)
        while not re.search(pattern, self.shown[start:]):
            self.shown += os.read(self._terminal, 4096).decode()

    def resize(self, columns: int) -> None:
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def end(self) -> int:
        try:
            while part := os.read(self._terminal, 4096):
                self.shown += part.decode()
        except OSError:
            pass  # the other side is closed
        os.close(self._terminal)
        return self.process.wait()


def test_a_person_is_asked_and_an_answer_can_hold_for_the_run(shell: Shell) -> None:
    shell.environment["TERM"] = "xterm"
    with shell.model(THREE):
        terminal = Terminal(shell, "run", "clerk", "Try")
        terminal.until(r"(?s)wants to run:.*echo one.*no: ")
        terminal.type("a\n")
        terminal.until(r"(?s)echo ␛\[8m; touch hidden.*no: ")
        terminal.type("what?\n")
        terminal.until("no: ")
        terminal.type("n\n")
        assert terminal.end() == 0
    assert terminal.shown.count("clerk wants to run:") == 2
    assert len(re.findall("✓.* echo one", terminal.shown)) == 2
    assert not (shell.project / "hidden").exists()
    assert "\x1b[36m" in terminal.shown
    assert "asks the model" in terminal.shown


def test_a_person_who_is_there_answers_what_an_agent_asks(shell: Shell) -> None:
    with shell.model(ASKS) as server:
        terminal = Terminal(shell, "run", "clerk", "Write a note")
        terminal.until(r"(?s)clerk asks:.*Which name\?.*your answer.*: ")
        terminal.type("note.txt\n")
        assert terminal.end() == 0
    assert "note.txt" in json.dumps(server.requests[-1]["messages"][-1])


@pytest.mark.parametrize(("name", "colours"), [("TERM", True), ("NO_COLOR", False)])
def test_colour_is_for_terminals_whose_user_wants_it(shell: Shell, name: str, colours: bool) -> None:
    shell.task()
    shell.environment[name] = "xterm"
    terminal = Terminal(shell, "status")
    assert terminal.end() == 0
    assert ("\x1b[" in terminal.shown) == colours


def test_after_ctrl_c_the_row_of_the_worker_is_gone(shell: Shell) -> None:
    os.mkfifo(shell.project / "door")
    shell.environment["TERM"] = "xterm"
    with shell.model("[{calls: [{Bash: {command: cat door}}]}]"):
        terminal = Terminal(shell, "run", "clerk", "Try", "--yes")
        terminal.until("Bash cat door")
        terminal.process.send_signal(2)
        assert terminal.end() == 130
    assert re.search(r"Bash cat door[^\n]*\r\x1b\[J\r\x1b\[Korchestrator: interrupted", terminal.shown)


def test_ctrl_c_ends_a_question(shell: Shell) -> None:
    with shell.model("[{calls: [{Bash: {command: echo one}}]}]"):
        terminal = Terminal(shell, "run", "clerk", "Try")
        terminal.until("no: ")
        terminal.process.send_signal(2)
        assert terminal.end() == 130
    assert re.search(r"resume with: orchestrator resume \w{6}", terminal.shown)


@pytest.mark.parametrize("environment", [{"TERM": "xterm", "NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_who_wants_plain_lines_gets_no_escape_code_at_all(shell: Shell, environment: dict[str, str]) -> None:
    shell.environment |= environment
    with shell.model(THREE):
        terminal = Terminal(shell, "run", "clerk", "Try", "--yes")
        assert terminal.end() == 0
        assert Terminal(shell, "status", "--all").end() == 0
    assert "Bash   echo one" in terminal.shown
    assert "\x1b" not in terminal.shown


def test_each_worker_has_a_row_that_says_what_it_does_and_nothing_of_it_is_left(shell: Shell) -> None:
    os.mkfifo(shell.project / "door")
    shell.environment["TERM"] = "xterm"
    one, two = sorted(shell.task(f"Write {number}").id for number in ("one", "two"))
    with shell.model("[{calls: [{Bash: {command: cat door}}]}]"):
        terminal = Terminal(shell, "resume", "--all", "--yes")
        row = r"\x1b\[36m{}\x1b\[0m  clerk  Bash cat door .*1 turn"
        terminal.until(f"(?s){row.format(f'({one}|{two})')}[^\n]*\n{row.format(f'({one}|{two})')}")
        terminal.process.send_signal(2)
        assert terminal.end() == 130
    left = terminal.shown[terminal.shown.rindex("\x1b[1A") :]
    assert re.fullmatch(r"\x1b\[1A\x1b\[J\r\x1b\[Korchestrator: interrupted[^\n]*\n", left)


def test_rows_that_a_narrower_window_has_broken_are_all_written_over(shell: Shell) -> None:
    os.mkfifo(shell.project / "door")
    shell.environment["TERM"] = "xterm"
    with shell.model("[{calls: [{Bash: {command: cat door}}]}]"):
        terminal = Terminal(shell, "run", "clerk", "Try", "--yes")
        terminal.until("Bash cat door")
        terminal.resize(30)
        terminal.until(r"\r\x1b\[2A\x1b\[J[^\n]*Bash cat door")  # a row of 77 columns takes three lines of 30
        terminal.process.send_signal(2)
        assert terminal.end() == 130


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_rows_fit_their_lines_and_those_that_find_no_place_are_counted(shell: Shell, columns: int) -> None:
    task, roster = shell.task("Write", agent="日本語の長い名前のエージェント"), Roster()
    for number in range(30):
        roster.begins(replace(task, id=f"AAAA{number:02}"), "Bash npm test -- 日本語 " * 9)
    rows = [re.sub(r"\x1b\[\d*m", "", row) for row in roster.rows(os.terminal_size((columns, 24)))]
    assert len(rows) == 12
    assert {screen.measure(row) for row in rows} == {columns - 3}
    assert rows[-1].rstrip() == "… and 19 more"
    assert all(f"AAAA{number:02}" in row for number, row in enumerate(rows[:-1]))


def test_a_row_and_the_total_tell_what_a_task_has_used(shell: Shell) -> None:
    used = replace(
        shell.task("Write"),
        turns=12,
        cost=1.25,
        usage=Usage(input_tokens=33_000, output_tokens=1_000),
        items=(Item("c1", "One"), Item("c2", "Two")),
    )
    roster = Roster()
    roster.place(standing.of(used, "in-progress", standing.now()))
    (row,) = roster.rows(os.terminal_size((120, 24)))
    assert re.search(r" 0/2 +12 turns +34k tokens +\$1\.25$", click.unstyle(row))
    assert roster.total() == "1 at work, 0 idle · 34k tokens · $1.25"


def test_a_row_says_since_when_its_worker_does_that_and_not_since_when_the_task_is_there(shell: Shell) -> None:
    task, roster = replace(shell.task("Write"), started_at="2026-01-01T00:00:00.000Z"), Roster()
    ago = (datetime.now(UTC) - timedelta(seconds=65)).isoformat()
    roster.place(standing.of(task, "in-progress", ago))
    assert re.search(r"  1m\d\ds$", roster.listed(120)[0])
    asked = standing.now()
    roster.begins(task, "Bash npm test")
    begun = roster.find(task.id)
    assert begun is not None
    assert begun.since >= asked
    roster.wrote(task, 100)
    assert roster.find(task.id) == begun._replace(doing="writes: 100 characters")


def test_rows_that_say_what_they_said_are_not_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    said = ["one row", "another"]
    footer = Footer(lambda _: list(said), err=True)
    terminal, error = pty.openpty()
    with os.fdopen(terminal, "rb", 0) as shown, os.fdopen(error, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)

        def drawn() -> bytes:
            """What came since the last look."""
            footer.show()  # as each second does
            print(end="\0", file=stream, flush=True)
            return b"".join(iter(lambda: shown.read(1), b"\0"))

        assert b"one row" in drawn()
        assert drawn() == b""
        said[1] = "something else"
        assert b"something else" in drawn()
        footer.hide()


def test_what_is_drawn_at_once_is_written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    said, written = ["one row", "another"], []

    class Screen(io.FileIO):
        def write(self, data: Any) -> int:
            written.append(bytes(data))
            return super().write(data)

    footer = Footer(lambda _: list(said), err=True)
    terminal, error = pty.openpty()
    with os.fdopen(terminal), io.TextIOWrapper(io.BufferedWriter(Screen(error, "w"))) as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        footer.show()
        said[1] = "something else"
        footer.show()
        footer.say("a line above")
        footer.hide()
    shown = [b"another", b"something else", b"a line above", b"\x1b[J"]
    assert [words in frame for words, frame in zip(shown, written, strict=True)] == [True] * 4


def test_those_at_work_with_what_they_are_below_come_first_and_what_finds_no_room_stands_beneath(shell: Shell) -> None:
    task, roster = shell.task("Write", agent="somebody-or-other"), Roster(details=True)

    def row(name: str, state: str, parent: str | None = None) -> Standing:
        one = replace(task, id=name, parent=parent, phase="nearly there", turns=12, cost=1.25)
        return standing.of(one, state, "2026-01-01T00:00:00.000Z", "Bash npm test " * 9)

    for number in range(30):
        roster.place(row(f"AAAA{number:02}", "pending"))
    roster.place(row("BBBB22", "in-progress", "AAAA20"))
    roster.place(row("CCCC22", "in-progress", "BBBB22"))
    window = os.terminal_size((80, 24))
    rows = [re.sub(r"\x1b\[\d*m", "", row) for row in roster.rows(window)]
    assert len(rows) == 12
    places = [row.partition("somebody")[0].rstrip() for row in rows]
    assert places[-4:] == ["AAAA20", "└ BBBB22", "  └ CCCC22", rows[-1].rstrip()]
    assert rows[-1].startswith("… and 21 more")
    for number in range(30):
        if number != 20:
            roster.leaves(f"AAAA{number:02}")
    rows = [re.sub(r"\x1b\[\d*m", "", row) for row in roster.rows(window)]
    assert [row[:36].strip() for row in rows[2::2]] == [
        "│         nearly there",
        "nearly there",
    ]
    assert max(map(screen.measure, rows)) <= 77


def test_what_a_person_is_asked_and_what_is_paused_is_in_the_rows(shell: Shell) -> None:
    task = replace(shell.task("Write"), blockers=(Blocker("B1", "Which?\x1b[2J", call="t1", to="person"),))
    below = replace(shell.task("Write"), parent=task.id, started_at="2999-01-01T00:00:00Z")

    def rows(state: str, *, text: bool = False) -> list[str]:
        roster = Roster(details=True, text=text)
        roster.place(standing.of(task, state, task.started_at))
        roster.place(standing.of(below, "in-progress", task.started_at))
        return [re.sub(r" +\d+s.*", "", row) for row in roster.listed(120)]

    name = f"{task.id}    clerk  "
    assert rows("in-progress") == [f"{name}asks a person, B1", f"└ {below.id}  clerk  asks the model"]
    assert rows("in-progress", text=True)[0] == f"{name}asks a person, B1: Which?␛[2J"
    assert rows("interrupted")[0] == f"{name}interrupted, asks a person, B1"
    assert rows("paused") == [f"{name}paused, asks a person, B1", f"└ {below.id}  clerk  paused with {task.id}"]
