"""`orchestrator completion`: what a real shell proposes."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Shell

BASH = """
eval "$(orchestrator completion bash)"
COMP_WORDS=({words}) COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
$(complete -p orchestrator | sed 's/.*-F \\([^ ]*\\).*/\\1/') orchestrator
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def typed(shell: Shell, tmp_path: Path) -> Callable[..., list[str]]:
    """What bash proposes for the last of some words."""
    program = tmp_path / "bin" / "orchestrator"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m orchestrator "$@"\n')
    program.chmod(0o755)

    def propose(*words: str) -> list[str]:
        script = BASH.format(words=" ".join(map(shlex.quote, ("orchestrator", *words))))
        environment = {"PATH": f"{program.parent}:{os.environ['PATH']}", "HOME": str(shell.home)}
        ended = subprocess.run(
            ["bash", "--norc", "-c", script],
            cwd=shell.project,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.stderr == ""
        return ended.stdout.split()

    return propose


def test_commands_and_options_are_completed(typed: Callable[..., list[str]]) -> None:
    assert typed("sta") == ["status"]
    assert "--max-cost" in typed("run", "--max-")
    assert typed("completion", "") == ["bash", "zsh", "fish"]


def test_agents_and_documents_are_completed_by_name(shell: Shell, typed: Callable[..., list[str]]) -> None:
    assert typed("run", "cl") == ["clerk"]
    assert {"clerk", "db-worker"} <= set(typed("agents", ""))
    task = shell.task().id
    assert typed("show", task, "p") == ["plan", "progress"]
    assert typed("blame", task, "ch") == ["checklist"]


def test_the_last_revisions_are_completed(shell: Shell, typed: Callable[..., list[str]]) -> None:
    task = shell.task().id
    assert typed("show", task, "--at", "r") == ["r1"]
    assert typed("diff", task.lower(), "") == ["r1"]
    assert typed("fork", "ZZZZZ9", "--at", "") == []


def test_ids_are_completed_in_either_case_and_archived_ones_where_they_make_sense(
    shell: Shell, typed: Callable[..., list[str]]
) -> None:
    task = shell.task().id
    (shell.temp / "completed").mkdir(exist_ok=True)
    (shell.temp / "completed" / "task-status-ARCH22.json").write_text("{")
    assert typed("show", task[:3].lower()) == [task]
    assert typed("log", "") == sorted([task, "ARCH22"])
    assert typed("resume", "") == [task]
    assert typed("--project", "..", "show", "") == []
    assert typed("--project", ".", "resume", "") == [task]


@pytest.mark.parametrize("name", ["zsh", "fish"])
def test_other_shells_have_a_script_too(shell: Shell, name: str) -> None:
    ended = shell("completion", name)
    assert (ended.code, ended.err) == (0, "")
    assert f"_ORCHESTRATOR_COMPLETE={name}_complete" in ended.out


@pytest.mark.parametrize(("name", "last"), [("zsh", "{place}"), ("fish", "{word}")])
def test_what_the_script_of_another_shell_asks_for_is_proposed(shell: Shell, name: str, last: str) -> None:
    task = shell.task().id
    proposed = {
        ("sta",): "status",
        ("run", "cl"): "clerk",
        ("show", task[:3].lower()): task,
        ("run", "--max-c"): "--max-cost",
    }
    for words, found in proposed.items():
        shell.environment |= {
            "_ORCHESTRATOR_COMPLETE": f"{name}_complete",
            "COMP_WORDS": " ".join(("orchestrator", *words)),
            "COMP_CWORD": last.format(place=len(words), word=words[-1]),
        }
        ended = shell()
        assert (ended.code, ended.err) == (0, "")
        assert re.findall(r"^(?:plain[,\n])(\S+)", ended.out, re.MULTILINE) == [found]


@pytest.mark.parametrize("name", ["zsh", "fish"])
def test_the_script_of_another_shell_is_one(shell: Shell, tmp_path: Path, name: str) -> None:
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"needs {name}")
    script = tmp_path / "script"
    script.write_text(shell("completion", name).out)
    ended = subprocess.run([program, "-n", script], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
