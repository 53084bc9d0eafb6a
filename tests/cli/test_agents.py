"""`orchestrator agents`: who can be run."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from .conftest import Shell

LISTED = {"name", "from", "path", "description", "model", "tools", "disallowed", "mode", "verify", "limits"}
PAINTER = """\
---
name: painter
description: "Paints\\nand more"
tools: Read, Write
model: opus
verify: npm test
---
Paint\x1b[2J it.
"""


@pytest.fixture
def full(shell: Shell) -> Shell:
    """A project with agents of its own, of its user's, and one that cannot be read."""
    shell.agent("painter", PAINTER)
    shell.agent("broken", "---\nname: broken\n---\n")
    mine = shell.home / ".claude" / "agents"
    mine.mkdir(parents=True)
    (mine / "mine.md").write_text("---\nname: mine\ndescription: Mine\ndisallowedTools: Bash\n---\nDo.\n")
    return shell


def test_each_agent_is_listed_with_where_it_comes_from_and_what_it_may_use(full: Shell) -> None:
    full.environment["COLUMNS"] = "80"
    ended = full("agents")
    assert (ended.code, ended.err) == (0, "")
    assert "painter  project, opus, tools: Read, Write\n  Paints\n" in ended.out
    assert "mine  user, default model, tools: all but Bash\n  Mine\n" in ended.out
    assert "db-worker  built-in, sonnet, " in ended.out
    assert ".claude/agents/broken.md: `description` is missing or is not text" in ended.out
    assert all(len(row) <= 80 for row in ended.out.splitlines())


def test_a_prompt_is_wrapped_at_the_width_of_the_screen(full: Shell) -> None:
    full.environment["COLUMNS"] = "80"
    out = full("agents", "lead").out
    assert out.partition("Prompt\n")[2].strip()
    assert all(len(row) <= 80 or len(row.split()) == 1 for row in out.splitlines()), "a path stays whole"
    assert all(len(row) <= 80 for row in full("completion", "--help").out.splitlines())


def test_a_path_can_be_copied_whatever_the_width_of_the_screen(full: Shell) -> None:
    full.environment["COLUMNS"] = "40"
    full.agent("painter-of-doors", PAINTER.replace("name: painter", "name: painter-of-doors"))
    assert ".claude/agents/painter-of-doors.md\n" in full("agents", "painter-of-doors").out


def test_as_json_there_are_the_same(full: Shell) -> None:
    said = json.loads(full("agents", "--json").out)
    rows = {row["name"]: row for row in said["agents"]}
    assert all(row.keys() == LISTED for row in rows.values())
    assert rows["painter"]["from"] == "project"
    assert rows["painter"]["path"] == ".claude/agents/painter.md"
    assert rows["clerk"]["tools"] is None
    assert [row["path"] for row in said["unreadable"]] == [".claude/agents/broken.md"]


def test_one_agent_is_shown_whole_and_harmless(full: Shell) -> None:
    out = full("agents", "painter").out
    for words in (".claude/agents/painter.md", "opus", "Read, Write", "npm test", "Paints\nand more", "Paint␛[2J it."):
        assert words in out
    said = json.loads(full("agents", "painter", "--json").out)
    assert said.keys() == LISTED | {"output_schema", "body"}
    assert said["body"] == "Paint\x1b[2J it."


def test_an_unknown_or_unreadable_agent_is_a_mistake_in_one_line(full: Shell) -> None:
    near, broken = full("agents", "paintr"), full("agents", "broken")
    assert (near.code, broken.code) == (2, 2)
    assert "did you mean painter?" in near.err
    assert "not an agent definition: `description` is missing" in broken.err


def test_it_makes_no_folder_and_starts_without_pydantic(full: Shell) -> None:
    code = "import sys; from orchestrator.cli import main; main(['agents']); assert 'pydantic' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=full.project, check=True, stdout=subprocess.DEVNULL)
    assert not full.temp.exists()
