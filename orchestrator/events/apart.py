"""Where a task works apart from others, and how its work got back."""

from __future__ import annotations

from pydantic import Field

from orchestrator.events.event import Event


class WorktreeMade(Event):
    """The task has a git worktree of its own from now on, made when it is needed. `base`: the commit it begins from."""

    name: str = Field(description="of its folder under `worktrees/`; its branch is `orchestrator/` and that")
    base: str


class WorkLanded(Event):
    """What it did is in the branch that it began from; `commit`: the newest of it."""

    commit: str


class MergeRefused(Event):
    """Its work does not go together with what is there by now: somebody has to say how."""

    reason: str
    difference: str = ""
