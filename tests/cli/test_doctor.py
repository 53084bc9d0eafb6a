"""`orchestrator doctor`: what keeps agents from working, and what to do."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator import chain, files, renames, system
from orchestrator.cli import doctor
from orchestrator.cli.project import Project
from orchestrator.events import PhaseChanged

from .conftest import KEY, Shell


@pytest.fixture
def well(shell: Shell) -> Shell:
    """A project with a task, where nothing is wrong; its server listens as long as the test runs."""
    shell.task()
    (shell.home / "rg").touch(0o755)
    shell.environment |= {"PATH": f"{os.environ['PATH']}:{shell.home}", "ANTHROPIC_API_KEY": KEY}
    return shell


@pytest.fixture
def server(well: Shell) -> socket.socket:
    listening = socket.create_server(("127.0.0.1", 0))
    well.environment["ANTHROPIC_BASE_URL"] = f"http://127.0.0.1:{listening.getsockname()[1]}/path"
    return listening


def checks(shell: Shell, state: str) -> dict[str, list[str]]:
    """What it says of the checks that ended so."""
    ended = shell("doctor", "--json")
    said = json.loads(ended.out)
    assert (ended.code, said["ok"]) in ((0, True), (1, False))
    assert said["ok"] == all(row["state"] != "problem" for row in said["checks"])
    rows = [row for row in said["checks"] if row["state"] == state]
    return {row["check"]: [other["said"] for other in rows if other["check"] == row["check"]] for row in rows}


def test_where_nothing_is_wrong_every_line_says_so_and_nothing_is_left_behind(
    well: Shell, server: socket.socket
) -> None:
    well.environment["COLUMNS"] = "80"
    before = set(well.project.rglob("*"))
    ended = well("doctor")
    server.close()
    assert ended.code == 0, ended.out
    assert "✗" not in ended.out
    for name in ("python", "key", "server", "ripgrep", "file system", "writing", "journals", "documents", "staging"):
        assert f"✓ {name} " in ended.out
    assert KEY not in ended.out + ended.err
    long = [row for row in ended.out.splitlines() if len(row) > 80]
    assert [row for row in long if len(row.split()) > 1] == []
    assert set(well.project.rglob("*")) == before


def test_without_a_key_or_programs_or_a_folder_it_says_what_to_do(shell: Shell) -> None:
    shell.environment["PATH"] = str(shell.home)
    ended = shell("doctor")
    assert (ended.code, ended.err) == (1, "")
    assert "✗ key " in ended.out
    assert "set ANTHROPIC_API_KEY" in ended.out
    assert "· server      not tried without a key" in ended.out
    assert "✗ ripgrep     no `rg` on the PATH" in ended.out
    assert "· git " in ended.out
    assert "`orchestrator init`" in ended.out
    assert not shell.temp.exists()


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "nonsense", "http://127.0.0.1:99999", "http://.a.example"])
def test_a_server_that_is_not_there_is_a_problem(well: Shell, url: str) -> None:
    well.environment["ANTHROPIC_BASE_URL"] = url
    (said,) = checks(well, "problem")["server"]
    assert "ANTHROPIC_BASE_URL" in said


def test_a_key_with_a_line_end_in_it_is_a_problem_and_not_shown(well: Shell) -> None:
    well.environment["ANTHROPIC_API_KEY"] = f"{KEY}\r"
    assert checks(well, "problem")["key"] == [
        "ANTHROPIC_API_KEY has a line end in it: set it to the key and nothing else"
    ]


def test_an_empty_address_of_the_server_counts_as_not_set(well: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        port = proxy.getsockname()[1]
        well.environment |= {"ANTHROPIC_BASE_URL": "", "HTTPS_PROXY": f"127.0.0.1:{port}"}
        found = checks(well, "ok")
    assert found["key"] == ["ANTHROPIC_API_KEY"]
    assert found["server"] == [f"127.0.0.1:{port} (a proxy) answers"]


def test_a_proxy_without_an_address_is_a_problem(well: Shell) -> None:
    well.environment["HTTPS_PROXY"] = "http://me:my-password@[::"
    (said,) = checks(well, "problem")["server"]
    assert "HTTPS_PROXY" in said
    assert "my-password" not in said


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "ALL_PROXY"])
def test_a_proxy_is_what_has_to_answer(well: Shell, server: socket.socket, variable: str) -> None:
    port = server.getsockname()[1]
    well.environment |= {"ANTHROPIC_BASE_URL": "https://api.example", variable: f"127.0.0.1:{port}"}
    assert checks(well, "ok")["server"] == [f"127.0.0.1:{port} (a proxy) answers"]
    server.close()


def test_a_damaged_journal_is_named_with_its_line_and_the_others_are_read(well: Shell) -> None:
    task, other = well.task(), well.task()
    with well.engine() as engine:
        engine.commit(task.id, [PhaseChanged(phase="middle")], actor="worker")
    path = well.temp / ".orchestrator" / "journal" / f"{task.id}.jsonl"
    path.write_bytes(path.read_bytes().replace(b"clerk", b"clark", 1))
    (well.temp / f"plan-{other.id}.md").unlink()
    found = checks(well, "problem")
    (said,) = found["journals"]
    assert f"{path}:1: damaged" in said
    assert found["documents"] == [f"plan-{other.id}.md is missing: `orchestrator show {other.id}` puts it right"]


def test_a_journal_that_ends_before_what_was_published_is_a_problem(well: Shell) -> None:
    task, archived = well.task(), well.task()
    with well.engine() as engine:
        engine.commit(task.id, [PhaseChanged(phase="middle")], actor="worker")
        engine.cancel(archived.id, "no need")
    journals = well.temp / ".orchestrator" / "journal"
    for path in (journals / f"{task.id}.jsonl", journals / "completed" / f"{archived.id}.jsonl"):
        path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    found = checks(well, "problem")
    assert [said.split()[0] for said in sorted(found["journals"])] == sorted([task.id, archived.id])
    assert all("put its journal back from a backup" in said for said in found["journals"])
    assert f"task-status-{task.id}.json" in " ".join(found["journals"])
    assert "documents" not in found
    assert well("show", task.id).code == well("show", archived.id).code == 1


@pytest.mark.parametrize("left", [b"", b'{"v":1,"revision":1'])
def test_a_journal_without_a_whole_line_is_damage_and_says_what_to_do(well: Shell, left: bytes) -> None:
    task = well.task()
    path = well.temp / ".orchestrator" / "journal" / f"{task.id}.jsonl"
    path.write_bytes(left)
    said = f"{path}:1: damaged (no whole line); bring it back from a backup, or take it away: then `orchestrator adopt`"
    assert checks(well, "problem")["journals"][0].startswith(said)
    for words in (("log", task.id), ("log",), ("show", task.id, "--at", "r1"), ("show", task.id), ("why", task.id)):
        ended = well(*words)
        assert (ended.code, ended.err.startswith(f"orchestrator: {said}")) == (1, True), words
    path.unlink()
    assert well("adopt").code == 0
    assert well("show", task.id).code == 0


def test_documents_out_of_step_are_told_apart(well: Shell) -> None:
    task = well.task()
    stale = (well.temp / f"plan-{task.id}.md").read_bytes()
    with well.engine() as engine:
        engine.commit(task.id, [PhaseChanged(phase="middle")], actor="worker")
    (well.temp / f"plan-{task.id}.md").write_bytes(stale)
    (well.temp / f"progress-{task.id}.md").write_text("")
    (well.temp / f"task-status-{task.id}.json").write_text("{")
    with (well.temp / f"checklist-{task.id}.md").open("a") as file:
        file.write("- [ ] Mine\n")
    said = [row["said"] for row in json.loads(well("doctor", "--json").out)["checks"] if row["check"] == "documents"]
    for name, state in ((f"plan-{task.id}.md", "stale"), (f"progress-{task.id}.md", "empty")):
        assert f"{name} is {state}: `orchestrator show {task.id}` puts it right" in said
    assert f"task-status-{task.id}.json is unreadable: `orchestrator show {task.id}` puts it right" in said
    assert f"edited, the next command records it: checklist-{task.id}.md" in said


def test_what_show_put_right_is_right(well: Shell) -> None:
    task = well.task()
    (well.temp / f"plan-{task.id}.md").unlink()
    well("show", task.id)
    assert "documents" in checks(well, "ok")


def test_what_a_process_that_died_left_is_named(well: Shell) -> None:
    task = well.task()
    (well.temp / ".orchestrator" / "staging" / f"plan-{task.id}.md").write_text("half")
    assert f"plan-{task.id}.md" in checks(well, "problem")["staging"][0]


def test_a_folder_that_cannot_be_written_to_is_a_problem(well: Shell, tmp_path: Path) -> None:
    project = tmp_path / "other"
    project.mkdir()
    (project / ".temp").write_text("a file")
    well.project = project
    assert checks(well, "problem")["writing"] == [f"{project / '.temp'}: Not a directory: take it away"]


@pytest.mark.parametrize("name", [".orchestrator", "completed"])
@pytest.mark.parametrize(
    "words", [("status",), ("log",), ("check",), ("show", "K7Q2MX"), ("graph",), ("stop", "--all"), ("init",)]
)
def test_a_file_in_place_of_a_folder_of_ours_is_named_by_every_command(
    well: Shell, words: tuple[str, ...], name: str
) -> None:
    project = well.home / "other"
    (project / ".temp").mkdir(parents=True)
    there = project / ".temp" / name
    there.write_text("hi")
    well.project = project
    ended = well(*words)
    said = f"{there}: Not a directory: take it away"
    assert (ended.code, ended.err) == (1, f"orchestrator: {said}\n")
    assert checks(well, "problem")["writing"] == [said]


@pytest.mark.parametrize("words", [("status",), ("log",), ("watch",), ("check",), ("adopt",), ("resume",), ("init",)])
def test_a_file_in_place_of_the_folder_is_named_by_every_command(shell: Shell, words: tuple[str, ...]) -> None:
    shell.temp.write_text("")
    ended = shell("--project", str(shell.project), *words)
    assert (ended.code, ended.out) == (1, "")
    assert f"{shell.temp}: Not a directory: " in ended.err


def test_a_journal_of_another_version_says_so(well: Shell) -> None:
    assert checks(well, "ok")["journals"] == ["1 read, line format 1, every line whole"]
    (path,) = (well.temp / ".orchestrator" / "journal").glob("*.jsonl")
    (line,) = path.read_bytes().splitlines()
    text, _ = chain.check(line + b"\n", "")
    path.write_bytes(chain.sign(text.replace(b'"v":1', b'"v":2'), "")[0])
    (said,) = checks(well, "problem")["journals"]
    assert said.startswith(f"{path}:1: written by a newer orchestrator (line format 2)")


def test_each_program_and_what_the_file_system_can_has_a_line(well: Shell) -> None:
    found = {name: said for state in ("ok", "note") for name, said in checks(well, state).items()}
    assert found["sandbox"] == ["there is none: commands that are allowed run with your rights"]
    able = files.exchanges(files.Disk(), well.home)
    assert found["exchange"][0].startswith("two files change places" if able else "not here")
    well.environment["PATH"] = str(well.home)
    assert checks(well, "note")["node"] == ["no `node` on the PATH: agents that run JavaScript need it"]
    (well.home / "node").touch(0o755)
    assert checks(well, "ok")["node"] == [str(well.home / "node")]


def test_before_there_is_a_folder_it_looks_at_where_that_will_be(shell: Shell) -> None:
    before = set(shell.project.rglob("*"))
    found = checks(shell, "ok") | checks(shell, "note")
    assert found["file system"] == ["local"]
    assert found["writing"] == ["allowed"]
    assert "exchange" in found
    assert "journals" not in found
    assert set(shell.project.rglob("*")) == before


@pytest.fixture
def look(well: Shell, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], tuple[str, str]]:
    """How a check ends, and what it says first, in this process."""
    for name in ("HOME", "PATH", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, str(well.home))
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:1")
    found = doctor.checks(Project(well.project))
    return lambda name: next((check.state, check.said.split(":")[0]) for check in found if check.name == name)


@pytest.mark.parametrize(("release", "said"), [((3, 10, 14), ("problem", "3.10.14")), ((3, 11, 0), ("ok", "3.11.0"))])
def test_an_old_python_is_a_problem(look: Any, release: object, said: object, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "version_info", release)
        assert look("python") == said


@pytest.mark.parametrize(("allowed", "said"), [("0", ("problem", "nfs4")), ("1", ("note", "nfs4, allowed"))])
def test_a_network_file_system_is_a_problem_until_it_is_allowed(
    look: Any, allowed: str, said: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mounts").write_text("22 1 0:50 / / rw - nfs4 server:/share rw\n")
    monkeypatch.setattr(system, "MOUNTS", tmp_path / "mounts")
    monkeypatch.setenv("ORCHESTRATOR_ALLOW_NETWORK_FS", allowed)
    assert look("file system") == said


@pytest.mark.parametrize("flag", [1 << 20, 0])
def test_a_file_system_that_refuses_to_exchange_or_renames_instead_is_told(
    look: Any, flag: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(renames._LINUX, "exchange", flag)  # the kernel knows no such flag; a plain rename
    assert look("exchange") == ("note", "not here")


def test_tools_that_an_agent_lists_and_nobody_has_are_named(well: Shell) -> None:
    well.agent("browser", "---\nname: browser\ndescription: Looks\ntools: Read, WebFetch, Task, Bash(ls:*)\n---\nLook.")
    (said,) = checks(well, "note")["agents"]
    assert said == ".claude/agents/browser.md lists tools that are not here, and works without: WebFetch"
    assert "lacks: WebFetch\n" in well("agents", "browser").out
    assert "lacks" not in well("agents", "clerk").out


def test_a_definition_that_cannot_be_read_is_a_problem(well: Shell) -> None:
    assert checks(well, "ok")["agents"][0].endswith(" can be run")
    well.agent("broken", "---\nname: broken\n---\n")
    assert checks(well, "problem")["agents"] == [".claude/agents/broken.md: `description` is missing or is not text"]


def test_tasks_kept_by_hand_are_counted_with_what_looks_at_them(well: Shell) -> None:
    assert "by hand" not in checks(well, "note")
    (well.temp / "task-status-H4N8DM.json").write_text("{")
    said = "1 task kept by hand: `orchestrator check` looks at it, `orchestrator adopt` takes it over"
    assert checks(well, "note")["by hand"] == [said]
    (well.temp / "completed").mkdir(exist_ok=True)
    (well.temp / "completed" / "task-status-R7W2TC.json").write_text("{}")
    said = "2 tasks kept by hand: `orchestrator check` looks at them, `orchestrator adopt` takes them over"
    assert checks(well, "note")["by hand"] == [said]
