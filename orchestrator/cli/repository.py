"""The git repository that a workspace is in: only asked."""

from __future__ import annotations

from pathlib import Path

_LONGEST = 3.0
"""Seconds to wait for git, which may have to look at every file."""


def around(workspace: Path) -> bool:
    """True when the workspace is in a repository."""
    return any((folder / ".git").exists() for folder in (workspace, *workspace.parents))


def ask(workspace: Path, *words: str) -> tuple[int, bytes] | None:
    """Git's exit code and what it printed, None when it is not installed or takes too long.

    No program that the repository's own configuration names to watch files is started: an agent may have written it.
    """
    import subprocess

    command = ["git", "-C", str(workspace), "-c", "core.fsmonitor=false", "--no-optional-locks", *words]
    try:
        ended = subprocess.run(command, capture_output=True, check=False, timeout=_LONGEST)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    return ended.returncode, ended.stdout


def uncommitted(workspace: Path) -> int:
    """How many changes in the workspace are not committed, those in `.temp` aside; 0 where git cannot say."""
    said = around(workspace) and ask(workspace, "status", "--porcelain", "--", ".", ":(exclude).temp")
    return said[1].count(b"\n") if said else 0
