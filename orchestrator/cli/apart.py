"""Where a task works apart from others, for people: its worktree's folder and branch, and how both are removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from orchestrator.cli import screen
from orchestrator.cli.project import Project

if TYPE_CHECKING:
    from orchestrator.task import Task


class Apart(NamedTuple):
    """`folder`: as a person in the workspace would type it."""

    folder: str
    branch: str

    def removal(self, project: Project) -> tuple[str, str]:
        """The command lines that take both away, with what is in them."""
        where = () if project.given is None else ("-C", str(project.given))
        commands = (("worktree", "remove", "--force", self.folder), ("branch", "-D", self.branch))
        folder, branch = (" ".join(map(screen.quoted, ("git", *where, *words))) for words in commands)
        return folder, branch


def place(project: Project, task: Task) -> Apart | None:
    """Of a task whose worktree is there."""
    from orchestrator import worktrees

    if task.apart is None:
        return None
    folder = worktrees.folder(project.temp) / task.apart.name
    branch = worktrees.Worktree(project.temp, task.apart.name, project.workspace, task.agent).branch
    return Apart(project.relative(folder), branch) if folder.is_dir() else None


def as_json(found: Apart | None) -> dict[str, str] | None:
    """The key `worktree`."""
    return found and found._asdict()
