"""A git worktree for one task: where it works apart from others, and how its work gets back.

    make     a branch of its own, from where the work will go back to, is checked out in a folder of its own
    gather   the work is committed, and what landed meanwhile merged into it; a conflict stays open until it is decided
    land     the branch it came from moves forward to it, if that has not moved since: what lands was verified
    leave    the folder goes, and the branch, if nothing is in them that is not in the branch they landed in

Each step may be repeated, also by a process that goes on after another died in it. Git is called without hooks.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from orchestrator.errors import UsageError, WorktreeError
from orchestrator.files import Disk
from orchestrator.locks import Lock
from orchestrator.task import Task
from orchestrator.workspace import PRIVATE

LONGEST = 4_000
"""Characters of a conflict that are told."""
_ATTEMPTS = 50
_PAUSE = 0.1
"""Seconds between two attempts at what another git is just changing."""
_QUIET = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "commit.gpgSign=false",
    "gc.auto=0",
    "rerere.enabled=false",
)
_MARKERS = ("<<<<<<< ", ">>>>>>> ")
_SIDES = {
    "UU": "both changed it",
    "AA": "both added it",
    "UD": "it was changed here and deleted there",
    "DU": "it was deleted here and changed there",
    "AU": "it got this name here and another one there",
    "UA": "it got this name there and another one here",
}
"""By git's letters for an unmerged path, what was done to it: here by the task, there by what landed meanwhile. What is
under the name no more on either side is nothing to be decided."""


@dataclass(frozen=True)
class Conflict:
    """What could not be merged, by names relative to the workspace.

    `marked`: with git's marks in them; `bare`: those that can have none, and what was done to each.
    """

    marked: tuple[str, ...]
    bare: Mapping[str, str]
    difference: str


class Worktree:
    """Of one task. `target`: the workspace its work goes back to, another worktree's or the person's own.

    `temp`: the real `.temp`; `author`: in whose name it commits.
    """

    def __init__(self, temp: Path, name: str, target: Path, author: str) -> None:
        self.name = name
        self.target = target
        self.branch = f"orchestrator/{name}"
        self._temp = temp.resolve()
        self._top = folder(self._temp) / name
        self._author = author

    @cached_property
    def workspace(self) -> Path:
        """Where the task works: in the worktree, what the project's workspace is in its repository."""
        return self._top / self._prefix

    def base(self) -> str:
        """The commit to begin from: the target as it is now. Raises WorktreeError."""
        self._commit(self.target)
        return self._head(self.target)

    def make(self, base: str) -> None:
        """Have it checked out: from its branch when there is one, else from the base. Raises WorktreeError.

        A checkout that a process died in is done once more: nobody has worked there yet.
        """
        if not (self._top / ".git").exists():
            Disk().make_directories(self._top.parent, 0o700)
            with suppress(OSError):
                self._top.rmdir()  # of a process that died making it
            if self._checked_out():  # and gone: no more than that is forgotten, locked or not
                self._git(self._home, "worktree", "remove", "--force", "--force", str(self._top))
            how = [str(self._top), self.branch] if self.is_branch() else ["-b", self.branch, str(self._top), base]
            self._git(self._home, "worktree", "add", "--quiet", *how)
        ready = Path(self._git(self._top, "rev-parse", "--absolute-git-dir")) / "orchestrator-ready"
        if not ready.exists():
            self._git(self._top, "reset", "--quiet", "--hard")
            Disk().create(ready, b"")
        Disk().make_directories(self.workspace, 0o777)

    def gather(self) -> Conflict | None:
        """Commit the work, and merge what landed in the target since. A conflict is left in the files, to be resolved.

        Called again, it goes on once all of that is decided.
        """
        if undecided := self._undecided(self._top):
            return self._conflict(undecided)
        self._commit(self._top)
        tip = self._head(self.target)
        if self._is_ancestor(tip, self._head(self._top)):
            return None
        merged = self._try(self._top, "merge", "--quiet", "--no-edit", tip)
        if merged.returncode == 0:
            return None
        if not self._merging(self._top):
            raise WorktreeError("merge", self._top, _said(merged))
        return self._conflict(self._undecided(self._top))

    def land(self) -> str | None:
        """Move the target forward to what was gathered; returns the commit, None when it has moved since: gather again.

        Raises WorktreeError when git will not: there are changes in the way that nobody has committed.
        """
        with self._alone():
            self._commit(self.target)
            head = self._head(self._top)
            if not self._is_ancestor(self._head(self.target), head):
                return None
            self._git(self.target, "merge", "--quiet", "--ff-only", head)
            return head

    def leave(self, *, ignored: bool = False) -> bool:
        """Take folder and branch away, once all in them has landed; false when something is nowhere else.

        `ignored`: what git ignores may go, too. What git itself will not take away stays.
        """
        known = self._checked_out()
        heads = [head for head in known if head.strip("0")]  # else git was about to forget it
        heads += [self.branch] if self.is_branch() else []
        if not (self.target.exists() and all(self._is_ancestor(head, self._head(self.target)) for head in heads)):
            return False
        if self._top.exists() and not (known and self._is_spare(ignored=ignored)):
            return False
        if known and self._try(self._home, "worktree", "remove", str(self._top)).returncode:
            return False
        return not self.is_branch() or self._try(self._home, "branch", "--quiet", "-D", self.branch).returncode == 0

    def is_branch(self) -> bool:
        """True when a branch has its name."""
        known = self._try(self._home, "rev-parse", "--verify", "--quiet", f"refs/heads/{self.branch}")
        return known.returncode == 0

    # -- how it is done ------------------------------------------------------

    @property
    def _home(self) -> Path:
        return self._temp.parent

    @cached_property
    def _prefix(self) -> str:
        return self._git(self._home, "rev-parse", "--show-prefix").rstrip("/")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One lands at a time, in whatever process."""
        lock = Lock(self._temp / PRIVATE / "locks" / "landing.lock")
        try:
            with lock.held():
                yield
        finally:
            lock.close()

    def _commit(self, place: Path) -> None:
        """Commit what is there, in a worktree of ours; in the person's own nothing is ever committed for them."""
        if not place.is_relative_to(folder(self._temp)):
            return
        if undecided := self._undecided(place):
            names = ", ".join(map(self._here, undecided))
            raise WorktreeError("commit", place, f"a merge is not finished there: what holds in {names} is not decided")
        documents = Path(self._prefix, self._temp.name).as_posix()
        self._git(place, "add", "--all", "--", ":/")
        self._git(place, "reset", "--quiet", "--", f":(top){documents}")
        if self._try(place, "diff", "--cached", "--quiet").returncode or self._merging(place):
            self._git(place, "commit", "--quiet", "--no-verify", "-m", self._message(place))

    def _message(self, place: Path) -> str:
        return f"{self._author}: work of task {place.relative_to(folder(self._temp)).parts[0]}"

    def _head(self, place: Path) -> str:
        return self._git(place, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")

    def _is_ancestor(self, older: str, newer: str) -> bool:
        return self._try(self._home, "merge-base", "--is-ancestor", older, newer).returncode == 0

    def _checked_out(self) -> list[str]:
        """The one commit that is, which git knows also once the folder is gone; none when git knows of no worktree."""
        rows = [row.split("\n") for row in self._git(self._home, "worktree", "list", "--porcelain").split("\n\n")]
        return [row[1].removeprefix("HEAD ") for row in rows if row[0] == f"worktree {self._top}"]

    def _is_spare(self, *, ignored: bool) -> bool:
        """True when all that is there is committed. What only is not there any more comes back, to go with the rest:
        a process that dies while git takes the folder away leaves it so.
        """
        if not (self._top / ".git").exists():  # git would look at what is around it
            return False
        status = self._git(self._top, "status", "--porcelain", *([] if ignored else ["--ignored"])).splitlines()
        gone = [row for row in status if row.startswith(" D ")]
        if gone == status and gone:
            self._git(self._top, "checkout-index", "--all", "--quiet")
        return gone == status

    def _merging(self, place: Path) -> bool:
        return self._try(place, "rev-parse", "--verify", "--quiet", "MERGE_HEAD").returncode == 0

    def _undecided(self, place: Path) -> dict[str, str]:
        """Of a merge that is open there, the paths that nobody has decided on, and what was done to each.

        One is decided when git was told so, or when it is otherwise than the merge left it, without marks: that is
        what git keeps as AUTO_MERGE; where it keeps none, it is to be told.
        """
        if not self._merging(place):
            return {}
        status = self._git(place, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=no").split("\0")
        unmerged = {row[3:]: _SIDES[row[:2]] for row in status if row[:2] in _SIDES}
        changed = {*self._try(place, "diff", "--name-only", "-z", "AUTO_MERGE").stdout.split("\0")}
        top = Path(self._git(place, "rev-parse", "--show-toplevel"))
        return {name: how for name, how in unmerged.items() if name not in changed or _is_marked(top / name)}

    def _conflict(self, undecided: Mapping[str, str]) -> Conflict:
        difference = self._try(self._top, "diff", "--", *(f":(top){name}" for name in undecided)).stdout
        shown = difference if len(difference) <= LONGEST else f"{difference[:LONGEST]}\n…"
        marked = [name for name in undecided if _is_marked(self._top / name)]
        bare = {self._here(name): how for name, how in undecided.items() if name not in marked}
        return Conflict(tuple(map(self._here, marked)), bare, shown.rstrip())

    def _here(self, name: str) -> str:
        """A path of the repository by its name where the task works."""
        return os.path.relpath(name, self._prefix or ".")

    def _git(self, place: Path, *words: str) -> str:
        """What git printed. Raises WorktreeError when it did not do it."""
        ended = self._try(place, *words)
        if ended.returncode:
            raise WorktreeError(words[0], place, _said(ended))
        return ended.stdout.rstrip("\n")

    def _try(self, place: Path, *words: str) -> subprocess.CompletedProcess[str]:
        """Waits while another git, perhaps of a process that died, holds the index."""
        options = [part for setting in _QUIET for part in ("-c", setting)]
        for patience in reversed(range(_ATTEMPTS)):
            try:
                ended = subprocess.run(
                    ["git", "-C", str(place), *options, *words],
                    capture_output=True,
                    check=False,
                    encoding="utf-8",
                    errors="surrogateescape",
                    stdin=subprocess.DEVNULL,
                    env=self._environment,
                )
            except FileNotFoundError:
                raise UsageError("git is not installed, and --isolate needs it") from None
            if not patience or ended.returncode == 0 or ".lock': File exists" not in ended.stderr:
                return ended
            time.sleep(_PAUSE)
        raise AssertionError("the last attempt returns")

    @cached_property
    def _environment(self) -> dict[str, str]:
        """Without variables that would send git elsewhere; the commits are the agent's."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        for role in ("AUTHOR", "COMMITTER"):
            kept[f"GIT_{role}_NAME"] = self._author
            kept[f"GIT_{role}_EMAIL"] = f"{self._author}@orchestrator.invalid"
        return {**kept, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}


def folder(temp: Path) -> Path:
    """Where the worktrees of a `.temp` are."""
    return temp.resolve() / PRIVATE / "worktrees"


def names(temp: Path) -> set[str]:
    """Those of the worktrees that there are, if only their branches: the folder goes first."""
    place = folder(temp)
    if not place.exists():
        return set()
    found = {*os.listdir(place)}
    with suppress(UsageError):  # git is not there
        listed = ("for-each-ref", "--format=%(refname:lstrip=3)", "refs/heads/orchestrator/")
        found |= {*Worktree(temp, "any", temp.parent, "")._try(temp.parent, *listed).stdout.splitlines()}
    return found


def fresh_name(temp: Path, task_id: str) -> str:
    """A name that no worktree and no branch has: the task's id, unless one of an earlier life of it was kept."""
    name, number = task_id, 1
    while (folder(temp) / name).exists() or Worktree(temp, name, temp.parent, "").is_branch():
        number += 1
        name = f"{task_id}-{number}"
    return name


def check(temp: Path) -> None:
    """Raises UsageError where no worktree can be made: no repository, no commit, or changes that would not be in it."""
    home = temp.parent
    probe = Worktree(temp, "probe", home, "orchestrator")
    try:
        probe._head(home)
    except WorktreeError:
        raise UsageError(f"--isolate needs a git repository with a commit, and {home} is in none") from None
    if changed := probe._git(home, "status", "--porcelain", "--", ".", f":(exclude){temp.name}").splitlines():
        count = "a change" if len(changed) == 1 else f"{len(changed)} changes"
        raise UsageError(
            f"--isolate begins from the last commit, which has not {count} here: commit or stash them first"
        )


def workspace(project: Path, temp: Path, tasks: Iterable[Task]) -> tuple[Path, Task | None]:
    """Where the files of the first task are, and whose worktree that is: its own, until they landed where the one that
    gave it away works, which comes next; None in the project.
    """
    for task in tasks:
        if task.apart is None:
            break
        if task.apart.landed is None:
            apart = Worktree(temp, task.apart.name, project, task.agent).workspace
            return (apart, task) if apart.is_dir() else (project, None)
    return project, None


def _is_marked(path: Path) -> bool:
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return False
    return any(line.startswith(_MARKERS) for line in text.splitlines())


def _said(ended: subprocess.CompletedProcess[str]) -> str:
    """Git's reason, on one line."""
    lines = [line.strip() for line in (ended.stderr or ended.stdout).splitlines() if line.strip()]
    return " ".join(lines[:6])[:500] or f"exit code {ended.returncode}"
